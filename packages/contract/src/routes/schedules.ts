import { z } from 'zod';
import { Id, IdParams, JsonObject, Time, TimeInput, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { AgentRef, TaskType } from './names.ts';

const tag = 'Schedules';

export const FREQUENCIES = ['daily', 'weekly', 'monthly'] as const;
export const Frequency = z.enum(FREQUENCIES);
export type Frequency = z.infer<typeof Frequency>;
export const CatchUp = z.enum(['skip', 'one']);
export type CatchUp = z.infer<typeof CatchUp>;

export const Schedule = z
  .object({
    id: Id,
    tenant_id: z.string(),
    schedule_type: z.string().nullable(),
    agent_id: z.string(),
    task_type: z.string(),
    title: z.string(),
    frequency: Frequency.nullable(),
    cron: z.string().nullable(),
    timezone: z.string(),
    enabled: z.boolean(),
    config: z.record(z.string(), z.unknown()).describe('The payload of each task.'),
    catch_up: CatchUp,
    next_run_at: Time.nullable().describe('Null where no time will come any more.'),
    last_run_at: Time.nullable(),
    last_task_id: Id.nullable(),
    missed_count: z.number().int().describe('Due times that passed without a task since it was made.'),
    last_error: z.string().nullable(),
    created_by_user_id: z.string().nullable(),
    created_at: Time,
    updated_at: Time,
  })
  .meta({ id: 'Schedule' });
export type Schedule = z.infer<typeof Schedule>;

const Cron = text(9, 200).describe('Five fields: minute, hour, day of month, month, day of week.');
const fields = {
  title: text(1, 500),
  frequency: Frequency.nullish().describe(
    'Instead of `cron`: at the time of day of `next_run_at`, else of its making.',
  ),
  cron: Cron.nullish(),
  timezone: text(1, 100).describe('An IANA time zone: Europe/Berlin.'),
  enabled: z.boolean(),
  config: JsonObject,
  catch_up: CatchUp.describe(
    'What to do about times that passed while no scheduler ran: `skip` them, or make `one` task.',
  ),
  next_run_at: TimeInput.nullish().describe('The first due time; else it follows from `cron` or `frequency`.'),
};

export const ScheduleInput = z
  .strictObject({
    ...fields,
    schedule_type: text(1, 100).nullish().describe('One of the types listed at /api/autonomy/schedules/types.'),
    agent_id: AgentRef.nullish(),
    task_type: TaskType.nullish(),
    title: fields.title.optional().describe('Required unless `schedule_type` has one.'),
    timezone: fields.timezone.default('UTC'),
    enabled: fields.enabled.default(true),
    config: fields.config.default({}),
    catch_up: fields.catch_up.default('skip'),
  })
  .meta({ id: 'ScheduleInput' });
export type ScheduleInput = z.infer<typeof ScheduleInput>;

export const SchedulePatch = z
  .strictObject({
    ...fields,
    agent_id: AgentRef,
    task_type: TaskType,
  })
  .partial()
  .meta({ id: 'SchedulePatch' });
export type SchedulePatch = z.infer<typeof SchedulePatch>;

/** A ready-made kind of schedule. */
export const ScheduleType = z
  .object({
    schedule_type: z.string(),
    agent_id: z.string(),
    task_type: z.string(),
    title: z.string(),
    description: z.string(),
    frequency: Frequency,
    config: z.record(z.string(), z.unknown()),
    available: z.boolean().describe('False where the tenant has not got the agent.'),
  })
  .meta({ id: 'ScheduleType' });
export type ScheduleType = z.infer<typeof ScheduleType>;

export const listScheduleTypes = defineRoute({
  method: 'GET',
  path: '/api/autonomy/schedules/types',
  tag,
  access: 'viewer',
  summary: 'Ready-made kinds of schedules',
  query: z.strictObject(paging),
  responses: { 200: listOf('types', ScheduleType) },
});
export const listSchedules = defineRoute({
  method: 'GET',
  path: '/api/autonomy/schedules',
  tag,
  access: 'viewer',
  summary: 'Schedules, newest first',
  query: z.strictObject({
    ...paging,
    agent_id: AgentRef.optional(),
    enabled: z.enum(['true', 'false']).optional(),
  }),
  responses: { 200: listOf('schedules', Schedule) },
});
export const createSchedule = defineRoute({
  method: 'POST',
  path: '/api/autonomy/schedules',
  tag,
  access: 'operator',
  creates: true,
  summary: 'Make tasks at set times',
  body: ScheduleInput,
  responses: { 201: Schedule },
});
export const getSchedule = defineRoute({
  method: 'GET',
  path: '/api/autonomy/schedules/{id}',
  tag,
  access: 'viewer',
  summary: 'One schedule',
  params: IdParams,
  responses: { 200: Schedule },
});
export const updateSchedule = defineRoute({
  method: 'PATCH',
  path: '/api/autonomy/schedules/{id}',
  tag,
  access: 'operator',
  summary: 'Change a schedule, pause it or let it go on',
  description: 'A change of its times, or going on after a pause, reckons the next due time anew.',
  params: IdParams,
  body: SchedulePatch,
  responses: { 200: Schedule },
});
export const deleteSchedule = defineRoute({
  method: 'DELETE',
  path: '/api/autonomy/schedules/{id}',
  tag,
  access: 'operator',
  summary: 'Delete a schedule; its tasks stay',
  params: IdParams,
  responses: { 204: null },
});
export const DueSchedule = z
  .object({
    schedule_id: Id,
    title: z.string(),
    due_at: Time,
    action: z.enum(['fire', 'skip']),
    task_id: Id.nullable(),
  })
  .meta({ id: 'DueSchedule' });
export type DueSchedule = z.infer<typeof DueSchedule>;
export const runDueSchedules = defineRoute({
  method: 'POST',
  path: '/api/autonomy/schedules/run-due',
  tag,
  access: 'operator',
  summary: 'Make the tasks that are due now, without waiting for the scheduler',
  body: z.strictObject({ dry_run: z.boolean().default(false).describe('Only tell what is due.') }),
  responses: { 200: z.object({ due: z.array(DueSchedule) }) },
});
