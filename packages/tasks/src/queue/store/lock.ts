import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** What decides where a pending task may wait. */
export interface Standing {
  readonly id: string;
  readonly tenantId: string;
  readonly agentId: string;
  readonly status: string;
  readonly priority: number;
  readonly cancelRequested: boolean;
  readonly runAnyway: boolean;
  /** Its time, where that has not come. */
  readonly later: Date | null;
  readonly concurrencyKey: string | null;
  readonly concurrencyLimit: number;
  readonly concurrencyStrategy: string;
  /** Its workers died so often that it may be why: it is claimed alone from now on. */
  readonly suspect: boolean;
  readonly hasDependencies: boolean;
  /** It has been in progress before. */
  readonly tried: boolean;
}

/** Locks tasks against ending until the transaction does, in the order of their ids, and answers what is recorded of them. */
export async function lockTasks(db: Db, ids: readonly string[]): Promise<Standing[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<Row>`
    select id, tenant_id, agent_id, status, priority, cancel_requested, run_anyway,
      case when run_at > reeve_now() then run_at end as later,
      concurrency_key, concurrency_limit, concurrency_strategy, lost_attempts > 0 and lost_attempts >= least(2, max_attempts - 1) as suspect, depends_on <> '{}' as has_dependencies, attempts > 0 as tried
    from tasks where id = any(${[...ids]}::uuid[]) order by id for update`.execute(db);
  return rows.map((row) => ({
    id: row.id,
    tenantId: row.tenant_id,
    agentId: row.agent_id,
    status: row.status,
    priority: row.priority,
    cancelRequested: row.cancel_requested,
    runAnyway: row.run_anyway,
    later: row.later,
    concurrencyKey: row.concurrency_key,
    concurrencyLimit: row.concurrency_limit,
    concurrencyStrategy: row.concurrency_strategy,
    suspect: row.suspect,
    hasDependencies: row.has_dependencies,
    tried: row.tried,
  }));
}

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly agent_id: string;
  readonly status: string;
  readonly priority: number;
  readonly cancel_requested: boolean;
  readonly run_anyway: boolean;
  readonly later: Date | null;
  readonly concurrency_key: string | null;
  readonly concurrency_limit: number;
  readonly concurrency_strategy: string;
  readonly suspect: boolean;
  readonly has_dependencies: boolean;
  readonly tried: boolean;
}

/** Which of these tasks still wait for a decision or were put aside, and which wait for other tasks. */
export async function selectGates(
  db: Db,
  ids: readonly string[],
): Promise<{ undecided: Set<string>; dependent: Set<string> }> {
  const { rows } = await sql<{ id: string; gate: string }>`
    select task_id as id, 'approval' as gate from approvals where task_id = any(${[...ids]}::uuid[]) and kind = 'task' and status = 'pending'
    union all select task_id, 'approval' from parked_tasks where task_id = any(${[...ids]}::uuid[])
    union all select distinct task_id, 'dependencies' from task_dependencies where task_id = any(${[...ids]}::uuid[])`.execute(
    db,
  );
  const of = (gate: string) => new Set(rows.filter((row) => row.gate === gate).map(({ id }) => id));
  return { undecided: of('approval'), dependent: of('dependencies') };
}
