import { recordAudit } from '@reeve/audit';
import { counter, ReeveError } from '@reeve/kit';
import { lockClaimed, suspendTask } from '@reeve/tasks';
import { auditOf } from './committer.ts';
import { fail } from './ending.ts';
import type { RunExecution } from './execution.ts';
import { modelPauseMs } from './pause.ts';
import type { StepRecord } from './run.ts';
import { updateParked } from './store/run.ts';
import { updateModelWait } from './store/step.ts';

const waits = counter('reeve_model_waits_total', 'Runs put aside since their model took no calls.', ['reason']);

/*
 * A run whose model takes no calls
 *
 *   running ──unreachable, overloaded, limited, circuit open──► suspended ──pause──► claimed as any task ──► asks again ──► running
 *                                                                  └──longer than REEVE_MODEL_WAIT──► failed
 *
 * A suspended run holds no lease, worker or connection, and spends no attempt of its task. The step that waits keeps since when it
 * does, so a crash prolongs nothing.
 */

/** Suspends a run until the model of its pending step may take calls again, or ends it as failed with `error` where it has waited for as long as it may. */
export async function waitForModel(work: RunExecution, pending: StepRecord, error: ReeveError): Promise<void> {
  const { claim, handler, run, modelWaitMs, pauses } = work;
  const pause = modelPauseMs(Math.max(1, pending.attempt), error.retryAfterMs, pauses);
  let isOver = false;
  await work.commit({
    write: async (tx, effects) => {
      await lockClaimed(tx, claim);
      const leftMs = modelWaitMs - (await updateModelWait(tx, run.id, pending.number));
      isOver = leftMs <= 0;
      if (isOver) return [];
      if ((await suspendTask(tx, handler, claim, 'model', effects, Math.min(pause, leftMs))) === 'ended') return [];
      await updateParked(tx, run.id, 'model');
      // That it waits was told, and nothing has happened since.
      if (work.waitedFor === 'model') return [];
      await recordAudit(tx, [auditOf(run, 'PLAN_WAITING', { waiting_for: 'model', reason: error.reason })]);
      return [{ type: 'system', phase: 'waiting', message: whyOf(error), waiting_for: 'model' }];
    },
  });
  if (isOver) return fail(work, tooLong(error));
  waits.inc({ reason: error.reason });
  work.log.info(
    { run_id: run.id, step: pending.number, pause_ms: pause, reason: error.reason },
    'a run waits for its model',
  );
  work.left = true;
}

function whyOf({ message }: ReeveError): string {
  return `waiting for the model: ${message}`;
}

function tooLong({ reason, message, cause }: ReeveError): ReeveError {
  return new ReeveError(reason, `its model took no calls for longer than REEVE_MODEL_WAIT: ${message}`, { cause });
}
