import type { Tx } from '@reeve/db';
import { deleteRunBudgets } from '@reeve/ledger';
import { deleteRunsOf } from '@reeve/runs';

/** Deletes the runs and run budgets of ended tasks, in the transaction that deletes the tasks. */
export async function forgetRuns(tx: Tx, taskIds: readonly string[]): Promise<void> {
  await deleteRunBudgets(tx, taskIds);
  await deleteRunsOf(tx, taskIds);
}
