import { isDeadlock, mayPass, type Database } from '@reeve/db';
import { createBatcher } from '@reeve/kit';
import { endOf, leaseLost } from '../queue/end-task.ts';
import { withPostCommitEffects } from '../queue/queue-transaction.ts';
import { settleLeased, type LeasedEnd, type Settled } from '../queue/store/end.ts';
import type { Claim, Outcome, TaskHandler } from '../queue/task.ts';

/** Most ends that share a commit. */
const TOGETHER = 1_000;

/**
 * Settles claimed tasks; ends that arrive during a commit share the next one. Resolves once the end has committed and the tasks
 * related to it are updated; throws `lease_lost` when the claim no longer holds.
 */
export function createCompletionBatcher(
  database: Database,
  handler: TaskHandler,
): (claim: Claim, outcome: Outcome) => Promise<void> {
  const settle = createBatcher<LeasedEnd, Settled | undefined>(
    async (ends) => {
      const settled = new Map((await settleLeased(database.queue, ends)).map((one) => [one.taskId, one]));
      return ends.map(({ taskId }) => settled.get(taskId));
    },
    { limit: TOGETHER, together: (error) => mayPass(error) && !isDeadlock(error) },
  );

  return ({ task, epoch }, outcome) =>
    withPostCommitEffects(database, handler, async (effects) => {
      const settled = await settle({ ...endOf(outcome), taskId: task.id, epoch });
      if (settled === undefined) throw leaseLost(task.id);
      effects.journals.add(task.tenantId);
      effects.completions = settled.notifiesOnEnd;
    });
}
