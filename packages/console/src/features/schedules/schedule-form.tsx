import { Autocomplete, Button, Group, Modal, Select, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { FREQUENCIES, type CatchUp, type Frequency } from '@reeve/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { agentsQuery, findAgent } from '../../api/agents.ts';
import {
  changeSchedule,
  createSchedule,
  scheduleQuery,
  scheduleTypesQuery,
  type NewSchedule,
} from '../../api/schedules.ts';
import { Check } from '../../ui/check.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import classes from '../../ui/form.module.css';
import { JsonInput } from '../../ui/json-input.tsx';
import type { JsonFault } from '../../ui/json-object.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { WorkFields } from '../tasks/work-fields.tsx';
import {
  begunFrom,
  changesOf,
  draftOf,
  emptyDraft,
  SCHEDULE_FIELDS,
  scheduleOf,
  type ScheduleDraft,
} from './schedule-draft.ts';

const ZONES = Intl.supportedValuesOf('timeZone');
const WHEN = [
  ...FREQUENCIES.map((value) => ({ value, label: `${value[0]!.toUpperCase()}${value.slice(1)}` })),
  { value: 'cron', label: 'By a cron line' },
];
const CATCH_UP = [
  { value: 'skip', label: 'Pass over them' },
  { value: 'one', label: 'Make one task for them' },
];

interface ScheduleFormProps {
  readonly opened: boolean;
  /** The schedule to change; a new one where undefined. */
  readonly scheduleId: string | undefined;
  readonly onClose: () => void;
}

/** Makes a schedule or changes one. The server judges the fields; its findings show beside them. */
export function ScheduleForm({ opened, scheduleId, onClose }: ScheduleFormProps) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={scheduleId === undefined ? 'New schedule' : 'Schedule'}
      size="lg"
      closeButtonProps={{ 'aria-label': 'Close' }}
      keepMounted={false}
    >
      {scheduleId === undefined ? (
        <Fields
          key="new"
          id={undefined}
          initial={emptyDraft(Intl.DateTimeFormat().resolvedOptions().timeZone)}
          onClose={onClose}
        />
      ) : (
        <Loading key={scheduleId} id={scheduleId} onClose={onClose} />
      )}
    </Modal>
  );
}

function Loading({ id, onClose }: { readonly id: string; readonly onClose: () => void }) {
  const schedule = useQuery(scheduleQuery(id));
  const agents = useQuery(agentsQuery);
  if (schedule.isError)
    return (
      <ErrorPanel
        title="The schedule could not be loaded"
        error={schedule.error}
        onRetry={() => void schedule.refetch()}
      />
    );
  if (schedule.data === undefined || agents.isPending)
    return <SkeletonRows rows={6} height={48} label="Loading the schedule" />;
  const agent = findAgent(agents.data, schedule.data.agent_id)?.slug ?? schedule.data.agent_id;
  return <Fields id={id} initial={draftOf(schedule.data, agent)} onClose={onClose} />;
}

interface FieldsProps {
  readonly id: string | undefined;
  readonly initial: ScheduleDraft;
  readonly onClose: () => void;
}

function Fields({ id, initial, onClose }: FieldsProps) {
  const [draft, setDraft] = useState(initial);
  const [fault, setFault] = useState<JsonFault | null>(null);
  const agents = useQuery(agentsQuery);
  const types = useQuery({ ...scheduleTypesQuery, enabled: id === undefined });
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: (schedule: NewSchedule) =>
      id === undefined ? createSchedule(schedule) : changeSchedule(id, changesOf(initial, schedule)),
    onSuccess: onClose,
    onSettled: () => cache.invalidateQueries({ queryKey: ['schedules'] }),
  });
  const change = (part: Partial<ScheduleDraft>): void => setDraft({ ...draft, ...part });
  const slugOf = (agentId: string): string => findAgent(agents.data, agentId)?.slug ?? agentId;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const read = scheduleOf(draft);
    setFault('fault' in read ? read.fault : null);
    if ('schedule' in read) save.mutate(read.schedule);
  };
  const details = save.error instanceof ClientError ? save.error.details : [];
  const { byField, others } = placeFaults(SCHEDULE_FIELDS, details);
  const placed = details.length > 0 && others.length === 0;
  const kinds = (types.data ?? []).filter((type) => type.available);
  return (
    <form onSubmit={submit} className={classes.form} noValidate>
      {kinds.length > 0 && (
        <Select
          label="Begin with"
          placeholder="Nothing"
          clearable
          clearButtonProps={{ 'aria-label': 'Nothing' }}
          data={kinds.map((type) => ({ value: type.schedule_type, label: type.title }))}
          value={draft.scheduleType || null}
          error={byField.schedule_type}
          onChange={(name) => {
            const type = kinds.find((known) => known.schedule_type === name);
            setDraft(
              type === undefined ? { ...draft, scheduleType: '' } : begunFrom(draft, type, slugOf(type.agent_id)),
            );
          }}
        />
      )}
      <WorkFields draft={draft} faults={byField} onChange={change} />
      <div className={classes.pair}>
        <Select
          label="Due"
          allowDeselect={false}
          data={WHEN}
          value={draft.when}
          error={byField.frequency}
          onChange={(when) => when !== null && change({ when: when as Frequency | 'cron' })}
        />
        {draft.when === 'cron' && (
          <TextInput
            label="Cron line"
            required
            placeholder="0 9 * * 1-5"
            description="Minute, hour, day of month, month, day of week"
            inputWrapperOrder={['label', 'input', 'description', 'error']}
            value={draft.cron}
            error={byField.cron}
            onChange={(event) => change({ cron: event.currentTarget.value })}
          />
        )}
        <Autocomplete
          label="Time zone"
          required
          data={ZONES}
          limit={30}
          value={draft.timezone}
          error={byField.timezone}
          onChange={(timezone) => change({ timezone })}
        />
      </div>
      <div className={classes.pair}>
        <TextInput
          label={id === undefined ? 'First run' : 'Next run'}
          type="datetime-local"
          description="In this browser’s time zone; empty for when it follows from the rest"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={draft.first}
          error={byField.next_run_at}
          onChange={(event) => change({ first: event.currentTarget.value })}
        />
        <Select
          label="Times that were missed"
          allowDeselect={false}
          data={CATCH_UP}
          value={draft.catchUp}
          error={byField.catch_up}
          onChange={(catchUp) => catchUp !== null && change({ catchUp: catchUp as CatchUp })}
        />
      </div>
      <JsonInput
        label="Payload"
        description="A JSON object, given to each task"
        value={draft.config}
        fault={fault}
        error={byField.config}
        onChange={(config) => {
          setFault(null);
          change({ config });
        }}
      />
      <Check label="On" checked={draft.enabled} onChange={(enabled) => change({ enabled })} />
      {save.isError && !placed && <ErrorPanel title="The schedule was not saved" error={save.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={save.isPending}>
          {id === undefined ? 'Create schedule' : 'Save schedule'}
        </Button>
      </Group>
    </form>
  );
}
