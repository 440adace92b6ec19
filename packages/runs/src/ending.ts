import { isDeepStrictEqual } from 'node:util';
import type { NewRunEvent, RunWait } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import type { ReeveError } from '@reeve/kit';
import {
  carryOut,
  createAfterCommit,
  followUp,
  holdTask,
  parkTask,
  selectToolApprovals,
  settleTask,
  shownError,
} from '@reeve/tasks';
import type { Transition } from './committer.ts';
import { usageOf, type StepRecord } from './run.ts';
import { appendSteps } from './session.ts';
import { updateEndedRun, updateParked } from './store/run.ts';
import { updateAbandoned } from './store/step.ts';
import type { Work } from './work.ts';

/** Ends a run with its answer, in the transaction that settles its last step. */
export async function complete(
  work: Work,
  after: readonly StepRecord[],
  answer: string,
  settled: Transition & { readonly write: (tx: Tx) => Promise<void> },
): Promise<void> {
  const { run } = work;
  let followed = false;
  await work.commit({
    events: [...(settled.events ?? []), ...closing(work, 'completed', answer)],
    audit: [...(settled.audit ?? []), { action: 'PLAN_END', details: { status: 'completed' } }],
    write: async (tx) => {
      await settled.write(tx);
      await updateEndedRun(tx, run.id, { status: 'completed', result: answer, error: null });
      await appendSteps(tx, run, after, answer);
      followed = await settleTask(tx, work.claim, {
        status: 'completed',
        result: { response: answer, run_id: run.id, usage: usageOf(run.used) },
        summary: answer.slice(0, 500),
      });
    },
  });
  await leave(work, followed);
}

/** Ends a run that failed or was cancelled. */
export async function fail(work: Work, error: ReeveError): Promise<void> {
  const status = error.reason === 'cancelled' ? 'cancelled' : 'failed';
  const shown = shownError(error);
  let followed = false;
  await work.commit({
    events: [{ type: 'error', message: shown.message, code: shown.reason }, ...closing(work, status, null)],
    audit: [
      { action: 'PLAN_ERROR', details: { code: shown.reason } },
      { action: 'PLAN_END', details: { status } },
    ],
    write: async (tx) => {
      await updateAbandoned(tx, work.run.id);
      await updateEndedRun(tx, work.run.id, {
        status,
        result: null,
        error: { code: shown.reason, message: shown.message },
      });
      followed = await settleTask(tx, work.claim, { status, error: shown });
    },
  });
  await leave(work, followed);
}

/**
 * Puts a run aside until a person has decided or a budget has room: it holds no process, connection or lease then. Does nothing
 * where a decision came meanwhile. `why` is what readers are told.
 */
export async function park(work: Work, reason: RunWait, why: string): Promise<void> {
  const { claim, handler, run, database } = work;
  const after = createAfterCommit();
  let left = false;
  await work.commit({
    write: async (tx) => {
      await holdTask(tx, claim);
      const approvals = await selectToolApprovals(tx, run.id);
      const isNews = reason === 'approval' && !isDeepStrictEqual(approvals, work.approvals);
      work.approvals = approvals;
      if (isNews) return [];
      left = true;
      if ((await parkTask(tx, handler, claim, reason, after, reason === 'budget' ? RETRY_MS : undefined)) === 'ended')
        return [];
      await updateParked(tx, run.id, reason);
      return [{ type: 'system', message: why, waiting_for: reason }];
    },
  });
  work.left = left;
  await carryOut(database, handler, after);
}

/** A run without money looks again after this long: what others had reserved may have come back, or a raise may have been missed. */
const RETRY_MS = 60_000;

async function leave(work: Work, followed: boolean): Promise<void> {
  work.left = true;
  work.database.notify('reeve_journal', work.run.tenantId);
  if (followed) await followUp(work.database, work.handler);
}

function closing(
  { run, steps }: Work,
  status: 'completed' | 'failed' | 'cancelled',
  result: string | null,
): NewRunEvent[] {
  const duration_ms = Date.now() - (run.startedAt ?? run.createdAt).getTime();
  return [
    { type: 'result', status, result, usage: usageOf(run.used), steps: steps.length, duration_ms },
    { type: 'session_end', session_id: run.sessionId, status },
  ];
}
