import type { CatchUp, Frequency, Schedule, ScheduleType } from '@reeve/contract';
import type { NewSchedule, ScheduleChange } from '../../api/schedules.ts';
import { readJsonObject, type JsonFault } from '../../ui/json-object.ts';

/** A schedule as it is typed. */
export interface ScheduleDraft {
  /** The ready-made kind that it was begun from; empty for none. */
  readonly scheduleType: string;
  readonly title: string;
  readonly agent: string;
  readonly type: string;
  readonly when: Frequency | 'cron';
  readonly cron: string;
  readonly timezone: string;
  /** Local date and time of the first run as a browser's field has it; empty for when it follows from the rest. */
  readonly first: string;
  readonly catchUp: CatchUp;
  readonly enabled: boolean;
  /** JSON text of the payload of each task. */
  readonly config: string;
}

/** The fields of the request that have a place in the form. */
export const SCHEDULE_FIELDS = [
  'schedule_type',
  'title',
  'agent_id',
  'task_type',
  'frequency',
  'cron',
  'timezone',
  'next_run_at',
  'catch_up',
  'enabled',
  'config',
] as const;

/** A new schedule before anything is typed. */
export const emptyDraft = (timezone: string): ScheduleDraft => ({
  scheduleType: '',
  title: '',
  agent: 'assistant',
  type: 'execute',
  when: 'daily',
  cron: '',
  timezone,
  first: '',
  catchUp: 'skip',
  enabled: true,
  config: '{\n  "task": ""\n}',
});

/** A schedule that is there, to change. `agent` is how the form names its agent. */
export const draftOf = (schedule: Schedule, agent: string): ScheduleDraft => ({
  scheduleType: schedule.schedule_type ?? '',
  title: schedule.title,
  agent,
  type: schedule.task_type,
  when: schedule.frequency ?? 'cron',
  cron: schedule.cron ?? '',
  timezone: schedule.timezone,
  first: '',
  catchUp: schedule.catch_up,
  enabled: schedule.enabled,
  config: JSON.stringify(schedule.config, null, 2),
});

/** A draft with what a ready-made kind brings along. */
export const begunFrom = (draft: ScheduleDraft, type: ScheduleType, agent: string): ScheduleDraft => ({
  ...draft,
  scheduleType: type.schedule_type,
  title: type.title,
  agent,
  type: type.task_type,
  when: type.frequency,
  config: JSON.stringify(type.config, null, 2),
});

/** The request that a draft stands for, or why its payload can't be sent. Everything else is the server's to judge. */
export function scheduleOf(draft: ScheduleDraft): { readonly schedule: NewSchedule } | { readonly fault: JsonFault } {
  const config = readJsonObject(draft.config);
  if ('fault' in config) return config;
  const first = new Date(draft.first);
  return {
    schedule: {
      title: draft.title,
      agent_id: draft.agent,
      task_type: draft.type,
      frequency: draft.when === 'cron' ? null : draft.when,
      cron: draft.when === 'cron' ? draft.cron : null,
      timezone: draft.timezone,
      catch_up: draft.catchUp,
      enabled: draft.enabled,
      config: config.value,
      ...(!Number.isNaN(first.getTime()) && { next_run_at: first.toISOString() }),
      ...(draft.scheduleType !== '' && { schedule_type: draft.scheduleType }),
    },
  };
}

/** What a request changes of the schedule that `initial` was: the server reckons the next run anew where the times are among it. */
export function changesOf(initial: ScheduleDraft, { schedule_type: _kind, ...request }: NewSchedule): ScheduleChange {
  const before = scheduleOf(initial);
  const was: Record<string, unknown> = 'schedule' in before ? before.schedule : {};
  return Object.fromEntries(
    Object.entries(request).filter(([name, value]) => JSON.stringify(was[name]) !== JSON.stringify(value)),
  );
}
