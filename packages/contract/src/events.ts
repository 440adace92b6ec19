import { z } from 'zod';
import { Usage } from './common.ts';

const base = {
  seq: z.number().int().min(1).describe('Position in the run, from 1, without gaps.'),
  run_id: z.string(),
  timestamp: z.string(),
};
const step = z.number().int().describe('The step this belongs to.');

/**
 * What a `system` event reports; readers switch on this, never on the wording of `message`:
 * - `queued`: the run waits for its turn in the session or for a worker;
 * - `started`: a worker executes the run for the first time;
 * - `retrying`: a failed run is executed again;
 * - `step_restarted`: a crash, or the end of the model's connection, interrupted `discard_step`, which is executed again;
 * - `waiting`: the run is suspended until `waiting_for` is resolved;
 * - `delegated`: tool call `step` opened the child run `child_run_id`;
 * - `compacting`: the conversation exceeds the model's context, and a summary will replace its oldest messages;
 * - `compacted`: the summary is in place.
 */
export const RunPhase = z.enum([
  'queued',
  'started',
  'retrying',
  'step_restarted',
  'waiting',
  'waiting_for_model',
  'delegated',
  'compacting',
  'compacted',
]);
export type RunPhase = z.infer<typeof RunPhase>;

/**
 * What a run tells its readers, in order: `session_start`, `system`, then any number of the middle ones,
 * `result`, `session_end`. A `system` event with `discard_step` says that a step was begun again after a
 * crash or a broken connection: whatever text that step had already streamed is void.
 */
export const RunEvent = z
  .discriminatedUnion('type', [
    z.object({
      ...base,
      type: z.literal('session_start'),
      session_id: z.string(),
      task_id: z.string(),
      agent: z.string(),
    }),
    z.object({
      ...base,
      type: z.literal('system'),
      message: z.string().describe('A sentence for people; its wording may change.'),
      phase: RunPhase.optional().describe('Absent in events that servers before this field stored.'),
      model: z.string().optional(),
      tools: z.array(z.string()).optional(),
      discard_step: z.number().int().optional(),
      waiting_for: z
        .enum(['approval', 'budget', 'dependencies', 'model', 'caller'])
        .optional()
        .describe('The run is put aside until that is there.'),
      step: z.number().int().optional(),
      child_run_id: z
        .string()
        .optional()
        .describe('The run that tool call `step` opened, and whose end is its outcome.'),
    }),
    z.object({ ...base, type: z.literal('thinking'), step, delta: z.string() }),
    z.object({ ...base, type: z.literal('text'), step, delta: z.string() }),
    z.object({
      ...base,
      type: z.literal('tool_call'),
      step,
      tool_call_id: z.string(),
      name: z.string(),
      input: z.unknown(),
      for_caller: z
        .literal(true)
        .optional()
        .describe('The tool is one that the caller offered: the run waits until the caller gives the result.'),
    }),
    z.object({
      ...base,
      type: z.literal('tool_result'),
      step,
      tool_call_id: z.string(),
      name: z.string(),
      status: z.enum(['success', 'error', 'timeout', 'denied', 'circuit_open']),
      output: z.unknown(),
      duration_ms: z.number(),
    }),
    z.object({
      ...base,
      type: z.literal('approval_required'),
      step,
      approval_id: z.string(),
      kind: z.enum(['tool_call', 'tool_outcome']),
      tool_call_id: z.string(),
      name: z.string(),
      input: z.unknown(),
    }),
    z.object({
      ...base,
      type: z.literal('approval_decided'),
      step,
      approval_id: z.string(),
      tool_call_id: z.string(),
      decision: z.enum(['approve', 'reject']),
      reason: z.string().nullable(),
    }),
    z.object({ ...base, type: z.literal('handoff'), from: z.string(), to: z.string(), reason: z.string() }),
    z.object({ ...base, type: z.literal('usage'), step, model: z.string(), usage: Usage }),
    z.object({
      ...base,
      type: z.literal('error'),
      message: z.string(),
      code: z.string(),
      retry_after_ms: z.number().optional().describe('When the same may succeed, where that is known.'),
    }),
    z.object({
      ...base,
      type: z.literal('result'),
      status: z.enum(['completed', 'failed', 'cancelled']),
      result: z.string().nullable(),
      usage: Usage,
      steps: z.number().int(),
      duration_ms: z.number(),
    }),
    z.object({ ...base, type: z.literal('session_end'), session_id: z.string(), status: z.string() }),
  ])
  .meta({ id: 'RunEvent' });

export type RunEvent = z.infer<typeof RunEvent>;
export type RunEventType = RunEvent['type'];
/** An event before the engine gave it its place in the run. */
export type NewRunEvent = RunEvent extends infer E
  ? E extends RunEvent
    ? Omit<E, 'seq' | 'run_id' | 'timestamp'>
    : never
  : never;

/**
 * The phase that a `system` event reports. An event stored without one is told by its other fields; undefined
 * where those do not tell, and its `message` is all there is to show.
 */
export function phaseOf(event: Extract<RunEvent, { type: 'system' }>): RunPhase | undefined {
  if (event.phase !== undefined) return event.phase;
  if (event.discard_step !== undefined) return 'step_restarted';
  if (event.waiting_for !== undefined) return 'waiting';
  if (event.child_run_id !== undefined) return 'delegated';
  return event.model === undefined ? undefined : 'started';
}
