import { isReason, type RunEvent } from '@reeve/contract';
import { ReeveError } from '@reeve/kit';
import type { Feed } from './feed.ts';

export type RunResult = Extract<RunEvent, { type: 'result' }>;

export interface EndedRun {
  readonly result: RunResult;
  readonly toolCalls: readonly { name: string; input: unknown; output: unknown }[];
}

/**
 * Waits for the end of a run. Throws the run’s own error where it failed, `cancelled` where it was stopped, and what
 * `followForCaller` throws.
 */
export async function waitForRun(
  feed: Feed,
  tenantId: string,
  runId: string,
  waitMs: number,
  signal: AbortSignal,
  shownMs = waitMs,
): Promise<EndedRun> {
  const toolCalls = new Map<number, { name: string; input: unknown; output: unknown }>();
  let failure: ReeveError | undefined;
  let result: RunResult | undefined;
  for await (const event of followForCaller(feed, tenantId, runId, waitMs, signal, { shownMs })) {
    if (event.type === 'tool_call') toolCalls.set(event.step, { name: event.name, input: event.input, output: null });
    if (event.type === 'tool_result')
      toolCalls.set(event.step, { name: event.name, input: toolCalls.get(event.step)?.input, output: event.output });
    if (event.type === 'error') failure = errorOfEvent(event, runId);
    if (event.type === 'result') result = event;
  }
  if (result?.status !== 'completed')
    throw failure ?? new ReeveError('internal', `run ${runId} ended without a reason`, { runId });
  return { result, toolCalls: [...toolCalls.values()] };
}

/**
 * The events of a run up to its end, for a caller who waits for it. Throws `budget_exhausted` where it is put aside because nothing
 * is left to spend (it goes on when there is), `timeout` with the run’s id where it takes longer than `waitMs` (the run goes on), and
 * `cancelled` when the caller goes away. `shownMs` is the time that the timeout names, where `waitMs` is only what is left of it;
 * events up to `known` are what the caller waits behind.
 */
export async function* followForCaller(
  feed: Feed,
  tenantId: string,
  runId: string,
  waitMs: number,
  signal: AbortSignal,
  { shownMs = waitMs, known = 0 }: { readonly shownMs?: number; readonly known?: number } = {},
): AsyncGenerator<RunEvent, void> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), waitMs);
  let asked = '';
  try {
    for await (const event of feed.follow(tenantId, runId, 0, AbortSignal.any([signal, deadline.signal]))) {
      if (event.seq > known) refuseUnpaid(event);
      if (event.type === 'approval_required') asked = ` It waits for approval ${event.approval_id}.`;
      if (event.type === 'approval_decided') asked = '';
      yield event;
      if (event.type === 'session_end' && event.seq > known) return;
    }
  } finally {
    clearTimeout(timer);
  }
  if (signal.aborted) throw new ReeveError('cancelled', 'the caller disconnected', { runId });
  throw new ReeveError(
    'timeout',
    `the run did not finish within ${shownMs} ms and continues; follow it at /api/v1/runs/${runId}/events.${asked}`,
    { runId },
  );
}

/** Throws `budget_exhausted` where a run is put aside for want of money: nobody waits for that. */
export function refuseUnpaid(event: RunEvent): void {
  if (event.type !== 'system' || event.waiting_for !== 'budget') return;
  const { message, run_id: runId } = event;
  throw new ReeveError('budget_exhausted', `${message}; run ${runId} waits, and goes on when its budget allows it`, {
    runId,
  });
}

/** The error that an event tells of. */
export function errorOfEvent(event: Extract<RunEvent, { type: 'error' }>, runId: string): ReeveError {
  const { code, message, retry_after_ms: retryAfterMs } = event;
  return new ReeveError(isReason(code) ? code : 'internal', message, {
    runId,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
