import { Autocomplete, Button, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useValueOf } from '../../ui/use-value-of.ts';
import type { AuditPageProps, AuditView } from './view.ts';
import { ACTIONS, localOf, momentOf } from './audit-words.ts';
import classes from './audit.module.css';

/** What the log is narrowed down by. Each change begins at the newest entry again. */
export function AuditFilters({ search, onSearch }: AuditPageProps) {
  const { actor, action, trace, task, run, from, to } = search;
  const begin = (change: AuditView, replace = false): void =>
    onSearch({ ...change, offset: undefined, entry: undefined }, replace);
  const later = useDebouncedCallback((change: AuditView) => begin(change, true), 300);
  const narrowed = [actor, action, trace, task, run, from, to].some((filter) => filter !== undefined);
  return (
    <div className={classes.filters} role="search" aria-label="Entries">
      <Autocomplete
        label="Action"
        size="xs"
        placeholder="Any action"
        data={ACTIONS}
        limit={40}
        ref={useValueOf(action)}
        defaultValue={action ?? ''}
        onChange={(text) => later({ action: text.trim().toUpperCase() || undefined })}
      />
      <TextInput
        label="By"
        size="xs"
        placeholder="Anybody"
        ref={useValueOf(actor)}
        defaultValue={actor ?? ''}
        onChange={(event) => later({ actor: event.currentTarget.value.trim() || undefined })}
      />
      <TextInput
        label="Trace"
        size="xs"
        placeholder="Any trace"
        ref={useValueOf(trace)}
        defaultValue={trace ?? ''}
        onChange={(event) => later({ trace: event.currentTarget.value.trim() || undefined })}
      />
      <TextInput
        label="Task"
        size="xs"
        placeholder="Any task"
        ref={useValueOf(task)}
        defaultValue={task ?? ''}
        onChange={(event) => later({ task: event.currentTarget.value.trim() || undefined })}
      />
      <TextInput
        label="Run"
        size="xs"
        placeholder="Any run"
        ref={useValueOf(run)}
        defaultValue={run ?? ''}
        onChange={(event) => later({ run: event.currentTarget.value.trim() || undefined })}
      />
      <TextInput
        label="From"
        size="xs"
        type="datetime-local"
        step={1}
        key={`from ${from ?? ''}`}
        defaultValue={localOf(from)}
        onBlur={(event) => {
          const moment = momentOf(event.currentTarget.value);
          if (moment !== from) begin({ from: moment });
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') begin({ from: momentOf(event.currentTarget.value) });
        }}
      />
      <TextInput
        label="Until"
        size="xs"
        type="datetime-local"
        step={1}
        key={`to ${to ?? ''}`}
        defaultValue={localOf(to)}
        onBlur={(event) => {
          const moment = momentOf(event.currentTarget.value);
          if (moment !== to) begin({ to: moment });
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') begin({ to: momentOf(event.currentTarget.value) });
        }}
      />
      {narrowed && (
        <Button
          size="xs"
          variant="default"
          className={classes.clear}
          onClick={() =>
            begin({
              actor: undefined,
              action: undefined,
              trace: undefined,
              task: undefined,
              run: undefined,
              from: undefined,
              to: undefined,
            })
          }
        >
          Clear
        </Button>
      )}
    </div>
  );
}
