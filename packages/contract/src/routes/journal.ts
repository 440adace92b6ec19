import { z } from 'zod';
import { Id, Time, listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';
import { AgentRef } from './names.ts';

const tag = 'Journal';

/** What the journal tells of. */
export const JOURNAL_TYPES = [
  'task_created',
  'task_ready',
  'task_started',
  'task_retried',
  'task_returned',
  'task_parked',
  'task_resumed',
  'task_cancel_requested',
  'task_completed',
  'task_failed',
  'task_cancelled',
  'approval_requested',
  'approval_approved',
  'approval_rejected',
  'approval_withdrawn',
  'schedule_fired',
  'schedule_skipped',
  'schedule_failed',
  'budget_alert',
] as const;
export const JournalType = z.enum(JOURNAL_TYPES);
export type JournalType = z.infer<typeof JournalType>;

/** The entries that also are memory events: what there is to remember of the work of agents. */
export const MEMORY_EVENT_TYPES = [
  'task_completed',
  'task_failed',
  'task_cancelled',
  'approval_approved',
  'approval_rejected',
  'schedule_fired',
  'budget_alert',
] as const satisfies readonly JournalType[];

export const JournalEntry = z
  .object({
    id: Id,
    type: JournalType,
    tenant_id: z.string(),
    agent_id: z.string().nullable(),
    task_id: Id.nullable(),
    schedule_id: Id.nullable(),
    trace_id: z.string().nullable(),
    actor: z.string().describe('A user id, or `system`.'),
    summary: z.string().describe('One sentence for people.'),
    details: z.record(z.string(), z.unknown()),
    created_at: Time,
  })
  .meta({ id: 'JournalEntry' });
export type JournalEntry = z.infer<typeof JournalEntry>;

export const MemoryEvent = z
  .object({
    id: Id,
    type: z.enum(MEMORY_EVENT_TYPES),
    agent_id: z.string().nullable(),
    task_id: Id.nullable(),
    session_id: Id.nullable(),
    trace_id: z.string().nullable(),
    content: z.string().describe('What happened, in words that stand by themselves.'),
    created_at: Time,
  })
  .meta({ id: 'MemoryEvent' });
export type MemoryEvent = z.infer<typeof MemoryEvent>;

const filters = {
  ...paging,
  agent_id: AgentRef.optional(),
  task_id: Id.optional(),
  trace_id: text(1, 128).optional(),
};

export const listJournal = defineRoute({
  method: 'GET',
  path: '/api/journal',
  tag,
  access: 'viewer',
  summary: 'What happened to tasks, approvals and schedules, newest first',
  description: '`total` counts up to 10,000.',
  query: z.strictObject({ ...filters, type: JournalType.optional() }),
  responses: { 200: listOf('entries', JournalEntry) },
});
export const listMemoryEvents = defineRoute({
  method: 'GET',
  path: '/api/memory/events',
  tag,
  access: 'viewer',
  summary: 'What there is to remember of tasks, approvals and schedules, newest first',
  description: '`total` counts up to 10,000.',
  query: z.strictObject({ ...filters, type: z.enum(MEMORY_EVENT_TYPES).optional() }),
  responses: { 200: listOf('events', MemoryEvent) },
});
