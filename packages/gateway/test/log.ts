import type { NewRunEvent, RunEvent } from '@reeve/contract';

const RUN = '01900000-0000-7000-8000-000000000001';
const USAGE = { input_tokens: 10, output_tokens: 5, total_tokens: 15, cost_usd: null };

/** A run’s log, written by hand: its beginning, these events, and its end where it has one. */
export function logOf(events: readonly NewRunEvent[], status?: 'completed' | 'failed' | 'cancelled'): RunEvent[] {
  const all: NewRunEvent[] = [
    { type: 'session_start', session_id: 'session', task_id: 'task', agent: 'assistant' },
    { type: 'system', message: 'started' },
    ...events,
  ];
  if (status !== undefined)
    all.push(
      { type: 'result', status, result: null, usage: USAGE, steps: 1, duration_ms: 1 },
      { type: 'session_end', session_id: 'session', status },
    );
  return all.map(
    (event, index) => ({ ...event, seq: index + 1, run_id: RUN, timestamp: '2026-01-01T00:00:00.000Z' }) as RunEvent,
  );
}

export const text = (step: number, delta: string): NewRunEvent => ({ type: 'text', step, delta });
export const usage = (step: number): NewRunEvent => ({ type: 'usage', step, model: 'm', usage: USAGE });
export const again = (step: number): NewRunEvent => ({ type: 'system', message: 'again', discard_step: step });
export const call = (step: number): NewRunEvent => ({
  type: 'tool_call',
  step,
  tool_call_id: 'call_1',
  name: 'look',
  input: { at: step },
});
export const result = (step: number, status: 'success' | 'error' | 'denied' = 'success'): NewRunEvent => ({
  type: 'tool_result',
  step,
  tool_call_id: 'call_1',
  name: 'look',
  status,
  output: 'seen',
  duration_ms: 1,
});
export const approval = (step: number, approval_id: string): NewRunEvent => ({
  type: 'approval_required',
  step,
  approval_id,
  kind: 'tool_call',
  tool_call_id: 'call_1',
  name: 'look',
  input: {},
});
export const decision = (step: number, approval_id: string, decided: 'approve' | 'reject'): NewRunEvent => ({
  type: 'approval_decided',
  step,
  approval_id,
  tool_call_id: 'call_1',
  decision: decided,
  reason: null,
});
export const parked: NewRunEvent = { type: 'system', message: 'waits', waiting_for: 'approval' };

export async function* stream<T>(items: readonly T[]): AsyncGenerator<T, void> {
  yield* items;
}

export async function read<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
