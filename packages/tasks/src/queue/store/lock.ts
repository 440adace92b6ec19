import type { Db } from '@reeve/db';
import { sql } from 'kysely';
import type { TaskIdentity } from '../task.ts';

/** The part of a task that decides whether and where it waits, read under its row lock. */
export interface TaskSchedulingState extends TaskIdentity {
  readonly status: string;
  readonly priority: number;
  readonly maxAttempts: number;
  readonly cancelRequested: boolean;
  readonly runAnyway: boolean;
  /** Its start time when that is still to come. */
  readonly runAt: Date | null;
  readonly concurrencyKey: string | null;
  readonly concurrencyLimit: number;
  readonly concurrencyStrategy: string;
  /** Its workers died so often that the task may be the cause: from now on it is claimed alone. */
  readonly quarantined: boolean;
  readonly hasDependencies: boolean;
  /** It has been in progress before. */
  readonly tried: boolean;
}

/** Locks tasks until the transaction ends, in the order of their ids, and returns their state. */
export async function lockTasks(db: Db, ids: readonly string[]): Promise<TaskSchedulingState[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<TaskSchedulingState>`
    select id, tenant_id as "tenantId", agent_id as "agentId", title, session_id as "sessionId", trace_id as "traceId", status,
      priority, max_attempts as "maxAttempts", cancel_requested as "cancelRequested", run_anyway as "runAnyway",
      case when run_at > reeve_now() then run_at end as "runAt", concurrency_key as "concurrencyKey",
      concurrency_limit as "concurrencyLimit", concurrency_strategy as "concurrencyStrategy",
      lost_attempts > 0 and lost_attempts >= least(2, max_attempts - 1) as quarantined,
      depends_on <> '{}' as "hasDependencies", attempts > 0 as tried
    from tasks where id = any(${[...ids]}::uuid[]) order by id for update`.execute(db);
  return rows;
}

/** Which of these tasks wait for a decision or are suspended, and which wait for other tasks. */
export async function selectGates(
  db: Db,
  ids: readonly string[],
): Promise<{ undecided: Set<string>; dependent: Set<string> }> {
  const { rows } = await sql<{ id: string; gate: string }>`
    select task_id as id, 'approval' as gate from approvals where task_id = any(${[...ids]}::uuid[]) and kind = 'task' and status = 'pending'
    union all select task_id, 'approval' from waiting_tasks
      where task_id = any(${[...ids]}::uuid[]) and reason in ('approval', 'budget', 'dependencies', 'model', 'caller')
    union all select distinct task_id, 'dependencies' from task_dependencies where task_id = any(${[...ids]}::uuid[])`.execute(
    db,
  );
  const of = (gate: string) => new Set(rows.filter((row) => row.gate === gate).map(({ id }) => id));
  return { undecided: of('approval'), dependent: of('dependencies') };
}
