import { Button, Group, Modal, TextInput } from '@mantine/core';
import type { ChainBreak } from '@reeve/contract';
import { useEffect, useRef, useState } from 'react';
import { verifyAudit } from '../../api/audit.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import form from '../../ui/form.module.css';
import { formatCount } from '../../ui/format.ts';
import { BadIcon, OkIcon } from '../../ui/icons.ts';
import { Identifier } from '../../ui/identifier.tsx';
import classes from './audit.module.css';
import { anchorOf, breakWords, verifyAll, type Verdict, type VerifyProgress } from './verify.ts';

/** Rows that one request looks at: often enough to show how far it is, seldom enough to be quick. */
const ROWS = 20_000;

type State =
  | { readonly of: 'asking' }
  | { readonly of: 'running'; readonly progress: VerifyProgress }
  | { readonly of: 'ended'; readonly verdict: Verdict; readonly anchored: boolean }
  | { readonly of: 'failed'; readonly error: unknown };

/** Proves that the log is whole, or says where it is not. */
export function VerifyDialog({ onClose }: { readonly onClose: () => void }) {
  const [state, setState] = useState<State>({ of: 'asking' });
  const [number, setNumber] = useState('');
  const [hash, setHash] = useState('');
  const [fault, setFault] = useState<string>();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);

  async function verify(): Promise<void> {
    const anchor = anchorOf(number, hash);
    if (anchor !== undefined && 'fault' in anchor) return setFault(anchor.fault);
    const { signal } = (stop.current = new AbortController());
    setState({ of: 'running', progress: { checked: 0, total: 0 } });
    try {
      const verdict = await verifyAll(
        (from) => verifyAudit({ from, rows: ROWS, ...(from === 1 && anchor) }, signal),
        (progress) => setState({ of: 'running', progress }),
      );
      setState({ of: 'ended', verdict, anchored: anchor !== undefined });
    } catch (error) {
      setState(signal.aborted ? { of: 'asking' } : { of: 'failed', error });
    }
  }

  return (
    <Modal opened onClose={onClose} title="Verify the log" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      {(state.of === 'asking' || state.of === 'failed') && (
        <DialogForm onSend={() => void verify()}>
          {state.of === 'failed' && <ErrorPanel title="The log could not be verified" error={state.error} />}
          <p className={classes.text}>
            Every hash is computed anew. Whatever was changed, removed, put in or moved since is found and named.
          </p>
          <details className={classes.anchor}>
            <summary>Compare with a head that you wrote down</summary>
            <p className={classes.text}>
              An end that was cut off with all its traces shows only against a point that the chain once had.
            </p>
            <div className={classes.pair}>
              <TextInput
                label="Number"
                inputMode="numeric"
                value={number}
                onChange={(event) => {
                  setFault(undefined);
                  setNumber(event.currentTarget.value);
                }}
              />
              <TextInput
                label="Hash"
                spellCheck={false}
                value={hash}
                onChange={(event) => {
                  setFault(undefined);
                  setHash(event.currentTarget.value);
                }}
              />
            </div>
            {fault !== undefined && (
              <p className={classes.fault} role="alert">
                {fault}
              </p>
            )}
          </details>
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button type="submit" data-autofocus>
              {state.of === 'failed' ? 'Try again' : 'Verify'}
            </Button>
          </Group>
        </DialogForm>
      )}
      {state.of === 'running' && (
        <div className={form.form}>
          <Progress {...state.progress} />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => stop.current?.abort()}>
              Stop
            </Button>
          </Group>
        </div>
      )}
      {state.of === 'ended' && (
        <div className={form.form}>
          <VerdictView verdict={state.verdict} anchored={state.anchored} />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setState({ of: 'asking' })}>
              Again
            </Button>
            <Button data-autofocus onClick={onClose}>
              Done
            </Button>
          </Group>
        </div>
      )}
    </Modal>
  );
}

function Progress({ checked, total }: VerifyProgress) {
  return (
    <>
      <progress
        className={classes.progress}
        aria-label="Verification"
        {...(total > 0 && { max: total, value: Math.min(checked, total) })}
      />
      <p className={classes.text} role="status">
        {total === 0
          ? 'Looking at the first entries …'
          : `${formatCount(checked)} of ${formatCount(total)} entries are right so far.`}
      </p>
    </>
  );
}

function VerdictView({ verdict, anchored }: { readonly verdict: Verdict; readonly anchored: boolean }) {
  const { checked, head, unsealed, broken } = verdict;
  return (
    <div className={classes.verdict} data-tone={broken === undefined ? 'ok' : 'bad'} role="status">
      {broken === undefined ? <OkIcon size={28} /> : <BadIcon size={28} />}
      <div>
        <strong>{broken === undefined ? 'The log is whole.' : 'The log is broken.'}</strong>
        {broken === undefined ? (
          <p>
            {checked === 0 ? 'It has no entries yet.' : `All ${formatCount(checked)} entries are as they were sealed.`}
            {anchored && ' The head that you gave is on the chain.'}
          </p>
        ) : (
          <>
            <p>{breakWords(broken)}</p>
            <p>
              {rightWords(checked, broken)}
              {broken.id !== null && (
                <>
                  {' '}
                  Entry <Identifier id={broken.id} of="entry id" full />
                </>
              )}
            </p>
          </>
        )}
        {head !== null && (
          <dl>
            <div>
              <dt>Head</dt>
              <dd>number {formatCount(head.number)}</dd>
            </div>
            <div>
              <dt>Hash</dt>
              <dd>
                <Identifier id={head.hash} of="hash of the head" full />
              </dd>
            </div>
          </dl>
        )}
        {broken === undefined && head !== null && (
          <p className={classes.hint}>
            Write number and hash down where nobody here can reach them: next time they prove that no end was cut off.
          </p>
        )}
        {unsealed > 0 && <p className={classes.hint}>{formatCount(unsealed)} newer entries are not sealed yet.</p>}
      </div>
    </div>
  );
}

/** What can still be said of the rest. */
function rightWords(checked: number, { reason }: ChainBreak): string {
  const entries = checked === 1 ? '1 entry' : `${formatCount(checked)} entries`;
  return reason === 'anchor_missing' || reason === 'anchor_differs'
    ? `${entries} fit together, but this is not the chain that you wrote down.`
    : `${entries} before it ${checked === 1 ? 'is' : 'are'} right.`;
}
