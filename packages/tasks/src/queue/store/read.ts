import type { Task, TaskStatus, WaitingFor } from '@reeve/contract';
import { likeText, type Db } from '@reeve/db';
import { sql, type RawBuilder } from 'kysely';
import { fromRow, TASK_COLUMNS, type TaskRow } from './row.ts';

export interface TaskFilter {
  readonly agentId?: string | undefined;
  readonly status?: TaskStatus | undefined;
  readonly taskType?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly workflowId?: string | undefined;
  readonly waitingFor?: WaitingFor | undefined;
  readonly q?: string | undefined;
}

export interface Paging {
  readonly limit: number;
  readonly offset: number;
}

/** Totals that the counts do not hold are counted up to here. */
const COUNTED = 10_000;

/** The rows of other tables that decide a task's status. */
const STANDING = sql.raw(`
  left join leases l on l.task_id = tasks.id
  left join waiting_tasks w on w.task_id = tasks.id
  left join lateral (
    select status, decided_by, decided_at, reason from approvals
    where tasks.requires_approval and task_id = tasks.id and kind = 'task' order by requested_at desc, id desc limit 1
  ) a on true`);
const STANDING_COLUMNS = sql.raw(`${TASK_COLUMNS},
  l.epoch as lease_epoch, l.attempt as lease_attempt, l.started_at as lease_started_at, w.reason as waiting_reason,
  exists (select from task_dependencies d where d.task_id = tasks.id) as waits_for_tasks,
  exists (select from concurrency_slots s where tasks.concurrency_key is not null and s.task_id = tasks.id and not s.holds) as waits_for_key,
  a.status as approval_status, a.decided_by, a.decided_at, a.reason as decision_reason`);

/** One task as the API shows it. */
export async function selectTask(db: Db, tenantId: string, id: string): Promise<Task | undefined> {
  const { rows } = await sql<TaskRow>`
    select ${STANDING_COLUMNS} from tasks ${STANDING} where tasks.tenant_id = ${tenantId} and tasks.id = ${id}`.execute(
    db,
  );
  return rows[0] && fromRow(rows[0]);
}

/** Several tasks, in no order. */
export async function selectTasks(db: Db, ids: readonly string[]): Promise<Task[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<TaskRow>`
    select ${STANDING_COLUMNS} from tasks ${STANDING} where tasks.id = any(${[...ids]}::uuid[])`.execute(db);
  return rows.map(fromRow);
}

/** A page of the tenant's tasks, newest first, with how many there are in all (counted up to 10,000 where searched). */
export async function listTasks(
  db: Db,
  tenantId: string,
  filter: TaskFilter,
  { limit, offset }: Paging,
): Promise<{ tasks: Task[]; total: number }> {
  const where = matching(tenantId, filter);
  const page = sql`select tasks.id, tasks.created_at from ${placeOf(filter)} where ${where}`;
  const { rows } = await sql<TaskRow>`
    with page as (${page} order by tasks.created_at desc, tasks.id desc limit ${limit} offset ${offset})
    select ${STANDING_COLUMNS} from page join tasks on tasks.id = page.id ${STANDING}
    order by tasks.created_at desc, tasks.id desc`.execute(db);
  return { tasks: rows.map(fromRow), total: await countMatching(db, tenantId, filter, page) };
}

/** The table to search: tasks that wait or are in progress have small tables of their own. */
function placeOf({ status, waitingFor }: TaskFilter): RawBuilder<unknown> {
  if (waitingFor !== undefined) return sql`(${WAITING[waitingFor]}) w join tasks on tasks.id = w.task_id`;
  return status === 'in_progress' ? sql`leases l join tasks on tasks.id = l.task_id` : sql`tasks`;
}

const UNDECIDED = `select task_id from approvals where status = 'pending' and kind = 'task'`;
const WAITING_FOR = 'select task_id from waiting_tasks where reason =';
/** The tasks behind each gate. Row-level security restricts them to the tenant's own. */
const WAITING: Readonly<Record<WaitingFor, RawBuilder<unknown>>> = {
  approval: sql.raw(`${UNDECIDED} union ${WAITING_FOR} 'approval'`),
  budget: sql.raw(`${WAITING_FOR} 'budget'`),
  model: sql.raw(`${WAITING_FOR} 'model'`),
  dependencies: sql.raw(
    `(select task_id from task_dependencies except ${UNDECIDED}) union ${WAITING_FOR} 'dependencies'`,
  ),
  caller: sql.raw(`${WAITING_FOR} 'caller'`),
  schedule: sql.raw(`${WAITING_FOR} 'schedule'`),
  retry: sql.raw(`${WAITING_FOR} 'retry'`),
  concurrency: sql.raw('select task_id from concurrency_slots where not holds'),
};

async function countMatching(db: Db, tenantId: string, filter: TaskFilter, page: RawBuilder<unknown>): Promise<number> {
  const { q, sessionId, workflowId, waitingFor } = filter;
  if ([q, sessionId, workflowId, waitingFor].every((one) => one === undefined)) {
    const counts = await countTasks(db, tenantId);
    return counts
      .filter(({ status }) => filter.status === undefined || status === filter.status)
      .filter(({ agentId }) => filter.agentId === undefined || agentId === filter.agentId)
      .filter(({ taskType }) => filter.taskType === undefined || taskType === filter.taskType)
      .reduce((sum, { count }) => sum + count, 0);
  }
  const { rows } = await sql<{ total: number }>`
    select count(*)::int as total from (${page} limit ${COUNTED}) as found`.execute(db);
  return rows[0]!.total;
}

function matching(tenantId: string, filter: TaskFilter): RawBuilder<unknown> {
  const conditions = [sql`tasks.tenant_id = ${tenantId}`];
  if (filter.agentId !== undefined) conditions.push(sql`tasks.agent_id = ${filter.agentId}`);
  if (filter.taskType !== undefined) conditions.push(sql`tasks.task_type = ${filter.taskType}`);
  if (filter.sessionId !== undefined) conditions.push(sql`tasks.session_id = ${filter.sessionId}`);
  if (filter.workflowId !== undefined) conditions.push(sql`tasks.workflow_id = ${filter.workflowId}`);
  if (filter.q !== undefined) conditions.push(sql`tasks.title ilike ${likeText(filter.q)}`);
  if (filter.status !== undefined && filter.status !== 'in_progress')
    conditions.push(
      sql`tasks.status = ${filter.status}`,
      sql`not exists (select from leases where leases.task_id = tasks.id)`,
    );
  return sql.join(conditions, sql` and `);
}

/** Counts by status, agent and type: summed up from the counts that every change leaves, and from the leases. */
export async function countTasks(
  db: Db,
  tenantId: string,
): Promise<{ status: TaskStatus; agentId: string; taskType: string; count: number }[]> {
  const { rows } = await sql<{ status: TaskStatus; agent_id: string; task_type: string; count: number }>`
    with running as (
      select t.agent_id, t.task_type, count(*) as count from leases l join tasks t on t.id = l.task_id
      where l.tenant_id = ${tenantId} group by 1, 2
    ), recorded as (
      select status, agent_id, task_type, change from task_counts where tenant_id = ${tenantId}
      union all select 'pending', agent_id, task_type, -count from running
      union all select 'in_progress', agent_id, task_type, count from running
    )
    select status, agent_id, task_type, sum(change)::int as count from recorded group by 1, 2, 3 having sum(change) > 0`.execute(
    db,
  );
  return rows.map((row) => ({ status: row.status, agentId: row.agent_id, taskType: row.task_type, count: row.count }));
}

/** How many of the tenant's pending tasks wait for each reason other than a worker. */
export async function countWaiting(db: Db, tenantId: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ reason: string; count: number }>`
    select 'approval' as reason, count(*)::int as count from approvals where tenant_id = ${tenantId} and status = 'pending' and kind = 'task'
    union all select 'dependencies', count(distinct d.task_id)::int from task_dependencies d
      where d.tenant_id = ${tenantId} and not exists (
        select from approvals a where a.task_id = d.task_id and a.status = 'pending' and a.kind = 'task')
    union all select reason, count(*)::int from waiting_tasks
      where tenant_id = ${tenantId} and reason in ('schedule', 'retry', 'model') group by reason
    union all select 'concurrency', count(*)::int from concurrency_slots where tenant_id = ${tenantId} and not holds`.execute(
    db,
  );
  return Object.fromEntries(rows.filter(({ count }) => count > 0).map(({ reason, count }) => [reason, count]));
}

/** Most ready tasks, in the order of their lanes, among which the oldest is searched. */
const LOOKED_AT = 20_000;

/** Seconds that the oldest ready task has waited (null: none waits), and how many tasks ended lately. */
export async function selectPace(
  db: Db,
  tenantId: string,
): Promise<{ oldestPendingAgeS: number | null; completedLastHour: number; failedLastHour: number; perMinute: number }> {
  const { rows } = await sql<{ age: number | null; completed: number; failed: number; per_minute: number }>`
    select
      (select extract(epoch from reeve_now() - t.created_at) from (
        select task_id from (select task_id from ready_tasks where tenant_id = ${tenantId} limit ${LOOKED_AT}) r order by task_id limit 1
      ) o join tasks t on t.id = o.task_id)::float8 as age,
      coalesce(sum(change) filter (where status = 'completed'), 0)::int as completed,
      coalesce(sum(change) filter (where status = 'failed'), 0)::int as failed,
      (coalesce(sum(change) filter (where minute > reeve_now() - interval '5 minutes'), 0) / 5.0)::float8 as per_minute
    from task_counts
    where tenant_id = ${tenantId} and change > 0 and status in ('completed', 'failed', 'cancelled')
      and minute > reeve_now() - interval '1 hour'`.execute(db);
  const row = rows[0]!;
  return {
    oldestPendingAgeS: row.age,
    completedLastHour: row.completed,
    failedLastHour: row.failed,
    perMinute: row.per_minute,
  };
}
