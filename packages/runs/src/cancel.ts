import type { Run } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { cancelTask, type Requester, type TaskHandler } from '@reeve/tasks';
import { selectRun } from './store/run.ts';

/** Stops a run at its next safe point, or at once where it waits. Throws `not_found`, and `conflict` where it has ended. */
export async function cancelRun(
  database: Database,
  handler: TaskHandler,
  requester: Requester,
  id: string,
): Promise<Run> {
  const read = () => inTenant(database.db, requester.tenantId, (tx) => selectRun(tx, requester.tenantId, id));
  const run = await read();
  if (run === undefined) throw new ReeveError('not_found', `there is no run ${id}`);
  await cancelTask(database, handler, requester, run.task_id);
  return (await read()) ?? run;
}
