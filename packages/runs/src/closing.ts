import type { AuditEntry } from '@reeve/audit';
import type { NewRunEvent } from '@reeve/contract';
import type { ReeveError } from '@reeve/kit';
import { usageOf, type RunRecord } from './run.ts';

/** The audit entries and events with which a run ends. */
export interface Closing {
  readonly audit: readonly Pick<AuditEntry, 'action' | 'details'>[];
  readonly events: readonly NewRunEvent[];
}

/** How a run that completed ends: with its answer. `steps` is how many it made. */
export function completedClosing(run: RunRecord, steps: number, result: string): Closing {
  return {
    audit: [{ action: 'PLAN_END', details: { status: 'completed' } }],
    events: lastEvents(run, steps, 'completed', result, beginningOf(run)),
  };
}

/** How a run that failed or was cancelled ends: with its error. Its duration counts from `since`. */
export function failedClosing(
  run: RunRecord,
  steps: number,
  status: 'failed' | 'cancelled',
  { reason, message, retryAfterMs }: Pick<ReeveError, 'reason' | 'message' | 'retryAfterMs'>,
  since = beginningOf(run),
): Closing {
  return {
    audit: [
      { action: 'PLAN_ERROR', details: { code: reason } },
      { action: 'PLAN_END', details: { status } },
    ],
    events: [
      { type: 'error', message, code: reason, ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }) },
      ...lastEvents(run, steps, status, null, since),
    ],
  };
}

function lastEvents(
  run: RunRecord,
  steps: number,
  status: 'completed' | 'failed' | 'cancelled',
  result: string | null,
  since: Date,
): NewRunEvent[] {
  const duration_ms = Date.now() - since.getTime();
  return [
    { type: 'result', status, result, usage: usageOf(run.used), steps, duration_ms },
    { type: 'session_end', session_id: run.sessionId, status },
  ];
}

function beginningOf({ startedAt, createdAt }: RunRecord): Date {
  return startedAt ?? createdAt;
}
