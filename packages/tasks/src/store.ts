import type { Task, TaskStatus, WaitingFor } from '@reeve/contract';
import { json, likeText, now, type Db, type Tables } from '@reeve/db';
import { sql, type ExpressionBuilder, type Selectable } from 'kysely';

/** What is stored of a new task. */
export interface NewTask {
  readonly id: string;
  readonly tenantId: string;
  readonly agentId: string;
  readonly taskType: string;
  readonly priority: number;
  readonly title: string;
  readonly description: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly runAt: Date | null;
  readonly dependsOn: readonly string[];
  readonly maxAttempts: number;
  readonly sessionId: string | null;
  readonly traceId: string;
  readonly createdBy: string | null;
}

export interface TaskFilter {
  readonly agentId?: string | undefined;
  readonly status?: TaskStatus | undefined;
  readonly taskType?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly q?: string | undefined;
}

export interface Paging {
  readonly limit: number;
  readonly offset: number;
}

export async function insertTask(db: Db, task: NewTask): Promise<void> {
  await db
    .insertInto('tasks')
    .values({
      id: task.id,
      tenant_id: task.tenantId,
      agent_id: task.agentId,
      task_type: task.taskType,
      status: 'pending',
      priority: task.priority,
      title: task.title,
      description: task.description,
      payload: json(task.payload),
      max_attempts: task.maxAttempts,
      run_at: task.runAt,
      depends_on: [...task.dependsOn],
      session_id: task.sessionId,
      trace_id: task.traceId,
      created_by_user_id: task.createdBy,
      created_at: now,
      updated_at: now,
    })
    .execute();
}

export async function insertReady(
  db: Db,
  tasks: readonly { id: string; tenantId: string; priority: number }[],
): Promise<void> {
  if (tasks.length === 0) return;
  await db
    .insertInto('ready_tasks')
    .values(tasks.map(({ id, tenantId, priority }) => ({ task_id: id, tenant_id: tenantId, rank: -priority })))
    .execute();
}

export async function insertTimer(
  db: Db,
  timer: { taskId: string; tenantId: string; dueAt: Date; reason: 'schedule' },
): Promise<void> {
  await db
    .insertInto('timers')
    .values({ task_id: timer.taskId, tenant_id: timer.tenantId, due_at: timer.dueAt, reason: timer.reason })
    .execute();
}

/** A timer that many milliseconds from now, by the database's clock. */
export async function insertRetryTimer(db: Db, taskId: string, tenantId: string, delayMs: number): Promise<void> {
  await sql`insert into timers (task_id, tenant_id, due_at, reason)
    values (${taskId}, ${tenantId}, reeve_now() + ${delayMs} * interval '1 ms', 'retry')`.execute(db);
}

export async function insertDependencies(
  db: Db,
  tenantId: string,
  taskId: string,
  dependsOn: readonly string[],
): Promise<void> {
  if (dependsOn.length === 0) return;
  await db
    .insertInto('task_dependencies')
    .values(dependsOn.map((id) => ({ depends_on: id, task_id: taskId, tenant_id: tenantId })))
    .execute();
}

/** Locks tasks against ending until the transaction does, in the order of their ids, and answers what is recorded of them. */
export async function lockTasks(
  db: Db,
  tenantId: string,
  ids: readonly string[],
): Promise<{ id: string; status: string; priority: number; cancelRequested: boolean }[]> {
  return db
    .selectFrom('tasks')
    .select(['id', 'status', 'priority', 'cancel_requested as cancelRequested'])
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids])
    .orderBy('id')
    .forUpdate()
    .execute();
}

/** A lease for a task that was never ready: the process that made it works on it at once. */
export async function insertLease(
  db: Db,
  taskId: string,
  tenantId: string,
  owner: string,
  leaseMs: number,
): Promise<number> {
  const { rows } = await sql<{
    epoch: number;
  }>`insert into leases (task_id, tenant_id, epoch, owner, attempt, started_at, expires_at)
    values (${taskId}, ${tenantId}, nextval('lease_epochs'), ${owner}, 1, reeve_now(), reeve_now() + ${leaseMs} * interval '1 ms')
    returning epoch`.execute(db);
  return rows[0]!.epoch;
}

/** Claims up to `limit` ready tasks, highest priority and oldest first; two claimers never get the same one. */
export async function claimReady(
  db: Db,
  owner: string,
  limit: number,
  leaseMs: number,
): Promise<{ taskId: string; tenantId: string; epoch: number; attempt: number }[]> {
  const { rows } = await sql<{ task_id: string; tenant_id: string; epoch: number; attempt: number }>`
    with picked as (
      delete from ready_tasks
      where ctid = any(array(select ctid from ready_tasks order by rank, task_id limit ${limit} for update skip locked))
      returning task_id, tenant_id
    )
    insert into leases (task_id, tenant_id, epoch, owner, attempt, started_at, expires_at)
    select p.task_id, p.tenant_id, nextval('lease_epochs'), ${owner}, t.attempts + 1, reeve_now(), reeve_now() + ${leaseMs} * interval '1 ms'
    from picked p join tasks t on t.id = p.task_id and t.status = 'pending'
    returning task_id, tenant_id, epoch, attempt`.execute(db);
  return rows.map((row) => ({ taskId: row.task_id, tenantId: row.tenant_id, epoch: row.epoch, attempt: row.attempt }));
}

/** Moves what is due from the timers to the ready tasks; answers how many, and milliseconds until the next (null: none). */
export async function promoteDue(db: Db): Promise<{ promoted: number; nextMs: number | null }> {
  const { rows } = await sql<{ promoted: number; next_ms: number | null }>`
    with due as (
      delete from timers where task_id in (select task_id from timers where due_at <= reeve_now() order by due_at limit 500 for update skip locked)
      returning task_id
    ), ready as (
      insert into ready_tasks (rank, task_id, tenant_id) select -t.priority, t.id, t.tenant_id from due join tasks t on t.id = due.task_id
      returning 1
    )
    select (select count(*) from ready)::int as promoted,
      (select extract(epoch from min(due_at) - reeve_now()) * 1000 from timers where due_at > reeve_now())::float8 as next_ms`.execute(
    db,
  );
  return { promoted: rows[0]!.promoted, nextMs: rows[0]!.next_ms };
}

/** Extends the owner's leases of these tasks; answers those it still has, and which of them were asked to stop. */
export async function extendLeases(
  db: Db,
  owner: string,
  taskIds: readonly string[],
  leaseMs: number,
): Promise<{ taskId: string; epoch: number; cancelRequested: boolean }[]> {
  const { rows } = await sql<{ task_id: string; epoch: number; cancel_requested: boolean }>`
    update leases l set expires_at = reeve_now() + ${leaseMs} * interval '1 ms'
    from tasks t where t.id = l.task_id and l.task_id = any(${[...taskIds]}::uuid[]) and l.owner = ${owner} and l.expires_at > reeve_now()
    returning l.task_id, l.epoch, t.cancel_requested`.execute(db);
  return rows.map((row) => ({ taskId: row.task_id, epoch: row.epoch, cancelRequested: row.cancel_requested }));
}

/** Takes leases away whose holder fell silent, up to `limit`. */
export async function deleteExpiredLeases(
  db: Db,
  limit: number,
): Promise<{ taskId: string; tenantId: string; attempt: number }[]> {
  const { rows } = await sql<{ task_id: string; tenant_id: string; attempt: number }>`
    delete from leases where task_id in (select task_id from leases where expires_at <= reeve_now() limit ${limit} for update skip locked)
    returning task_id, tenant_id, attempt`.execute(db);
  return rows.map((row) => ({ taskId: row.task_id, tenantId: row.tenant_id, attempt: row.attempt }));
}

/** Lets every lease run out now: right only where no other process can be alive, as on an embedded database just opened. */
export async function expireLeases(db: Db): Promise<void> {
  await db.updateTable('leases').set({ expires_at: now }).execute();
}

/** Locks the lease for the rest of the transaction; false where it is not that holder's any more. */
export async function lockLease(db: Db, taskId: string, epoch: number): Promise<boolean> {
  const row = await db
    .selectFrom('leases')
    .select('epoch')
    .where('task_id', '=', taskId)
    .where('epoch', '=', epoch)
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** Ends a lease; answers its attempt and start, or undefined where it is not that holder's any more. */
export async function deleteLease(
  db: Db,
  taskId: string,
  epoch: number,
): Promise<{ attempt: number; startedAt: Date } | undefined> {
  const row = await db
    .deleteFrom('leases')
    .where('task_id', '=', taskId)
    .where('epoch', '=', epoch)
    .returning(['attempt', 'started_at'])
    .executeTakeFirst();
  return row && { attempt: row.attempt, startedAt: row.started_at };
}

export interface TaskEnd {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly result: unknown;
  readonly resultSummary: string | null;
  readonly errorMessage: string | null;
  readonly errorCode: string | null;
}

/** Records the end of a task. `attempt` and `startedAt` come from its last lease where it had one. */
export async function updateEnded(
  db: Db,
  taskId: string,
  end: TaskEnd,
  lease?: { attempt: number; startedAt: Date },
): Promise<void> {
  await db
    .updateTable('tasks')
    .set({
      status: end.status,
      result: end.status === 'completed' ? json(end.result) : null,
      result_summary: end.resultSummary,
      error_message: end.errorMessage,
      error_code: end.errorCode,
      completed_at: now,
      updated_at: now,
      ...(lease && { attempts: lease.attempt, started_at: sql<Date>`coalesce(started_at, ${lease.startedAt})` }),
    })
    .where('id', '=', taskId)
    .execute();
}

/** Records a failed attempt of a task that will be tried again. */
export async function updateAttempted(
  db: Db,
  taskId: string,
  attempt: number,
  startedAt: Date | null,
  error: { message: string; code: string } | null,
): Promise<void> {
  await db
    .updateTable('tasks')
    .set({
      attempts: attempt,
      updated_at: now,
      ...(startedAt && { started_at: sql<Date>`coalesce(started_at, ${startedAt})` }),
      ...(error && { error_message: error.message, error_code: error.code }),
    })
    .where('id', '=', taskId)
    .execute();
}

/** Brings an ended task back, with its attempts counted from nothing. */
export async function updateRevived(db: Db, taskId: string): Promise<void> {
  await db
    .updateTable('tasks')
    .set({
      status: 'pending',
      attempts: 0,
      result: null,
      result_summary: null,
      error_message: null,
      error_code: null,
      completed_at: null,
      cancel_requested: false,
      updated_at: now,
    })
    .where('id', '=', taskId)
    .execute();
}

export async function updateCancelRequested(db: Db, taskId: string): Promise<void> {
  await db.updateTable('tasks').set({ cancel_requested: true, updated_at: now }).where('id', '=', taskId).execute();
}

/** Takes a pending task out of wherever it waits, in the order in which tasks move, so that none slips past. */
export async function deleteWaiting(db: Db, taskId: string): Promise<void> {
  await db.deleteFrom('task_dependencies').where('task_id', '=', taskId).execute();
  await db.deleteFrom('timers').where('task_id', '=', taskId).execute();
  await db.deleteFrom('ready_tasks').where('task_id', '=', taskId).execute();
}

/** Those that wait for a task. */
export async function selectDependents(db: Db, dependsOn: string): Promise<string[]> {
  const rows = await db.selectFrom('task_dependencies').select('task_id').where('depends_on', '=', dependsOn).execute();
  return rows.map(({ task_id }) => task_id);
}

/** Strikes an ended task from the lists of those that wait for it; answers which of `dependents` now wait for nothing. */
export async function deleteDependency(db: Db, dependsOn: string, dependents: readonly string[]): Promise<string[]> {
  await db.deleteFrom('task_dependencies').where('depends_on', '=', dependsOn).execute();
  const waiting = await db
    .selectFrom('task_dependencies')
    .select('task_id')
    .distinct()
    .where('task_id', 'in', [...dependents])
    .execute();
  const still = new Set(waiting.map(({ task_id }) => task_id));
  return dependents.filter((id) => !still.has(id));
}

/** One task as the API shows it. */
export async function selectTask(db: Db, tenantId: string, id: string): Promise<Task | undefined> {
  const row = await shown(db).where('tasks.tenant_id', '=', tenantId).where('tasks.id', '=', id).executeTakeFirst();
  return row && fromRow(row);
}

/** Several tasks, in no order. */
export async function selectTasks(db: Db, ids: readonly string[]): Promise<Task[]> {
  if (ids.length === 0) return [];
  const rows = await shown(db)
    .where('tasks.id', 'in', [...ids])
    .execute();
  return rows.map(fromRow);
}

/** A page of the tenant's tasks, newest first, with how many there are in all. */
export async function listTasks(
  db: Db,
  tenantId: string,
  filter: TaskFilter,
  { limit, offset }: Paging,
): Promise<{ tasks: Task[]; total: number }> {
  const where = matching(tenantId, filter);
  const rows = await shown(db)
    .where(where)
    .orderBy('tasks.created_at', 'desc')
    .orderBy('tasks.id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await db
    .selectFrom('tasks')
    .leftJoin('leases', 'leases.task_id', 'tasks.id')
    .where(where)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { tasks: rows.map(fromRow), total };
}

/** Counts by status, agent and type, in one pass. */
export async function countTasks(
  db: Db,
  tenantId: string,
): Promise<{ status: string; agentId: string; taskType: string; count: number }[]> {
  const { rows } = await sql<{ status: string; agent_id: string; task_type: string; count: number }>`
    select case when l.task_id is null then t.status else 'in_progress' end as status, t.agent_id, t.task_type, count(*) as count
    from tasks t left join leases l on l.task_id = t.id where t.tenant_id = ${tenantId} group by 1, 2, 3`.execute(db);
  return rows.map((row) => ({ status: row.status, agentId: row.agent_id, taskType: row.task_type, count: row.count }));
}

/** Seconds that the oldest waiting task has waited (null: none waits), and how many were completed in the last hour. */
export async function selectPace(
  db: Db,
  tenantId: string,
): Promise<{ oldestPendingAgeS: number | null; completedLastHour: number }> {
  const { rows } = await sql<{ age: number | null; completed: number }>`
    select
      (select extract(epoch from reeve_now() - min(t.created_at)) from tasks t left join leases l on l.task_id = t.id
       where t.tenant_id = ${tenantId} and t.status = 'pending' and l.task_id is null)::float8 as age,
      (select count(*) from tasks where tenant_id = ${tenantId} and status = 'completed' and completed_at > reeve_now() - interval '1 hour') as completed`.execute(
    db,
  );
  return { oldestPendingAgeS: rows[0]!.age, completedLastHour: rows[0]!.completed };
}

type TaskRow = Selectable<Tables['tasks']> & {
  readonly epoch: number | null;
  readonly lease_attempt: number | null;
  readonly lease_started_at: Date | null;
  readonly timer_reason: string | null;
  readonly waits_for_tasks: boolean;
};

/** Tasks with what their lease, timer and dependencies say of them. */
function shown(db: Db) {
  return db
    .selectFrom('tasks')
    .leftJoin('leases', 'leases.task_id', 'tasks.id')
    .leftJoin('timers', 'timers.task_id', 'tasks.id')
    .selectAll('tasks')
    .select(({ exists, selectFrom }) => [
      'leases.epoch as epoch',
      'leases.attempt as lease_attempt',
      'leases.started_at as lease_started_at',
      'timers.reason as timer_reason',
      exists(
        selectFrom('task_dependencies').whereRef('task_dependencies.task_id', '=', 'tasks.id').select('depends_on'),
      )
        .$castTo<boolean>()
        .as('waits_for_tasks'),
    ]);
}

function matching(tenantId: string, filter: TaskFilter) {
  return (eb: ExpressionBuilder<Tables, 'tasks' | 'leases'>) => {
    const conditions = [eb('tasks.tenant_id', '=', tenantId)];
    if (filter.agentId !== undefined) conditions.push(eb('tasks.agent_id', '=', filter.agentId));
    if (filter.taskType !== undefined) conditions.push(eb('tasks.task_type', '=', filter.taskType));
    if (filter.sessionId !== undefined) conditions.push(eb('tasks.session_id', '=', filter.sessionId));
    if (filter.q !== undefined) conditions.push(eb('tasks.title', 'ilike', likeText(filter.q)));
    if (filter.status === 'in_progress') conditions.push(eb('leases.task_id', 'is not', null));
    else if (filter.status !== undefined)
      conditions.push(eb('tasks.status', '=', filter.status), eb('leases.task_id', 'is', null));
    return eb.and(conditions);
  };
}

function fromRow(row: TaskRow): Task {
  const running = row.epoch !== null;
  const status = running ? 'in_progress' : (row.status as TaskStatus);
  const waiting = row.waits_for_tasks ? 'dependencies' : ((row.timer_reason ?? null) as WaitingFor | null);
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    agent_id: row.agent_id,
    task_type: row.task_type,
    status,
    waiting_for: status === 'pending' ? waiting : null,
    priority: row.priority,
    title: row.title,
    description: row.description,
    payload: row.payload as Record<string, unknown>,
    result: row.result,
    result_summary: row.result_summary,
    error_message: row.error_message,
    error_code: row.error_code,
    attempts: row.lease_attempt ?? row.attempts,
    max_attempts: row.max_attempts,
    run_at: row.run_at?.toISOString() ?? null,
    depends_on: row.depends_on,
    parent_task_id: row.parent_task_id,
    requires_approval: false,
    approved_by_user_id: null,
    approved_at: null,
    rejected_by_user_id: null,
    rejected_at: null,
    decision_reason: null,
    session_id: row.session_id,
    trace_id: row.trace_id,
    created_by_user_id: row.created_by_user_id,
    created_at: row.created_at.toISOString(),
    started_at: (row.started_at ?? row.lease_started_at)?.toISOString() ?? null,
    completed_at: row.completed_at?.toISOString() ?? null,
    updated_at: row.updated_at.toISOString(),
  };
}
