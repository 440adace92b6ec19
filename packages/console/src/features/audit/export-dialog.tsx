import { Button, Group, Modal } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { exportAudit, type AuditFilter } from '../../api/audit.ts';
import { Command } from '../../ui/command.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import form from '../../ui/form.module.css';
import { formatCount, formatDate } from '../../ui/format.ts';
import { saveFile } from '../../ui/save-file.ts';
import classes from './audit.module.css';
import { gatherLines } from './export-lines.ts';

interface ExportDialogProps {
  /** Of these only the times count: a chain with gaps proves nothing. */
  readonly filter: AuditFilter;
  readonly onClose: () => void;
}

type State =
  | { readonly of: 'asking' }
  | { readonly of: 'running'; readonly entries: number }
  | { readonly of: 'ended'; readonly entries: number; readonly file: string }
  | { readonly of: 'failed'; readonly error: unknown };

/** The log as a file of JSON Lines, which can be verified anywhere. */
export function ExportDialog({ filter, onClose }: ExportDialogProps) {
  const [state, setState] = useState<State>({ of: 'asking' });
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const { from, to } = filter;
  const narrowed = [filter.action, filter.actor, filter.run, filter.task, filter.trace].some(Boolean);

  async function save(): Promise<void> {
    const { signal } = (stop.current = new AbortController());
    setState({ of: 'running', entries: 0 });
    try {
      const { file, entries } = await gatherLines(exportAudit(filter, signal), (count) =>
        setState({ of: 'running', entries: count }),
      );
      const name = `audit-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.jsonl`;
      saveFile(file, name);
      setState({ of: 'ended', entries, file: name });
    } catch (error) {
      setState(signal.aborted ? { of: 'asking' } : { of: 'failed', error });
    }
  }

  return (
    <Modal opened onClose={onClose} title="Export the log" closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className={form.form}>
        {state.of === 'failed' && <ErrorPanel title="The log was not exported" error={state.error} />}
        {(state.of === 'asking' || state.of === 'failed') && (
          <>
            <p className={classes.text}>
              JSON Lines, one entry a line in the order of the chain, {rangeWords(from, to)}. The last line says that it
              is whole.
            </p>
            {narrowed && (
              <p className={classes.hint}>
                The other filters do not count here: a chain with gaps could not be verified.
              </p>
            )}
          </>
        )}
        {state.of === 'running' && (
          <>
            <progress className={classes.progress} aria-label="Export" />
            <p className={classes.text} role="status">
              {state.entries === 0
                ? 'Waiting for the first entries …'
                : `${formatCount(state.entries)} entries so far.`}
            </p>
          </>
        )}
        {state.of === 'ended' && (
          <>
            <p className={classes.text} role="status">
              {state.entries === 1 ? '1 entry is' : `${formatCount(state.entries)} entries are`} in {state.file}.
            </p>
            <Command label="Verify it anywhere" command={`reeve audit verify --file ${state.file}`} />
          </>
        )}
        <Group justify="flex-end">
          {state.of === 'running' ? (
            <Button variant="default" onClick={() => stop.current?.abort()}>
              Stop
            </Button>
          ) : state.of === 'ended' ? (
            <Button onClick={onClose}>Done</Button>
          ) : (
            <>
              <Button variant="default" onClick={onClose}>
                Cancel
              </Button>
              <Button data-autofocus onClick={() => void save()}>
                {state.of === 'failed' ? 'Try again' : 'Download'}
              </Button>
            </>
          )}
        </Group>
      </div>
    </Modal>
  );
}

function rangeWords(from: string | undefined, to: string | undefined): string {
  if (from !== undefined && to !== undefined) return `from ${formatDate(from)} until ${formatDate(to)}`;
  if (from !== undefined) return `from ${formatDate(from)} on`;
  return to === undefined ? 'from the first to the last' : `until ${formatDate(to)}`;
}
