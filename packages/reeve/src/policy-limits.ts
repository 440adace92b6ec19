import type { Database } from '@reeve/db';
import { Signal, type Log } from '@reeve/kit';
import { resumeShort, setPolicyLimits, type TaskHandler } from '@reeve/tasks';
import { followPolicies } from '@reeve/ledger';
import { selectTenantIds, type Policies } from '@reeve/limits';

/** How long a change of the tenants file, or one whose telling was lost, may stay unheeded. */
const LOOK_MS = 5_000;

export interface PolicyLimitParts {
  readonly database: Database;
  readonly policies: Policies;
  readonly handler: TaskHandler;
  readonly log: Log;
}

/**
 * Has the queue and the budgets of the month hold what the policies say, until stopped: how many runs each tenant may have at once,
 * and what its personas may use. Runs that wait for money are looked at again where a budget has changed.
 */
export async function keepPolicyLimits(
  { database, policies, handler, log }: PolicyLimitParts,
  stopping: AbortSignal,
): Promise<void> {
  const changed = new Signal();
  const deafen = database.listen('reeve_tenants', () => changed.raise());
  let held: string | undefined;
  try {
    while (!stopping.aborted) {
      try {
        const limits = await limitsOf(database, policies);
        if (JSON.stringify(limits) !== held) await setPolicyLimits(database, limits);
        held = JSON.stringify(limits);
        for (const tenantId of await followPolicies(database, policies))
          await resumeShort(database, handler, log, tenantId);
      } catch (error) {
        log.warn({ err: error }, 'the limits of policies could not be set; those from before hold');
      }
      await changed.wait(LOOK_MS, stopping);
    }
  } finally {
    deafen();
  }
}

async function limitsOf(database: Database, policies: Policies): Promise<{ tenantId: string; max: number }[]> {
  const limits = [];
  for (const tenantId of await selectTenantIds(database.db)) {
    const max = (await policies.of(tenantId)).concurrentRuns;
    if (max !== null) limits.push({ tenantId, max });
  }
  return limits;
}
