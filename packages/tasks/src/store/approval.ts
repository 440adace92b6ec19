import type { Approval, Decision } from '@reeve/contract';
import { now, type Db, type Tables } from '@reeve/db';
import { sql, type Selectable } from 'kysely';
import type { Paging } from './read.ts';

/** Asks for a decision on a task again, by the rule that holds for its type now. */
export async function insertApproval(db: Db, taskId: string, requestedBy: string): Promise<void> {
  await sql`insert into approvals (id, tenant_id, kind, task_id, agent_id, title, input, requested_by, expires_at, default_decision)
    select reeve_new_id(), t.tenant_id, 'task', t.id, t.agent_id, t.title, t.payload, ${requestedBy},
      reeve_now() + coalesce(p.expires_after_s, 604800) * interval '1 s', coalesce(p.default_decision, 'reject')
    from tasks t left join lateral (
      select expires_after_s, default_decision from task_policies
      where task_type = t.task_type and tenant_id in (t.tenant_id, '*') order by tenant_id = '*' limit 1
    ) p on true
    where t.id = ${taskId}`.execute(db);
}

/** Takes back what is asked about a task that has ended. */
export async function withdrawApprovals(db: Db, taskId: string): Promise<void> {
  await sql`with withdrawn as (
      update approvals set status = 'withdrawn', decided_at = reeve_now() where task_id = ${taskId} and status = 'pending'
      returning tenant_id, agent_id, task_id
    )
    insert into journal (tenant_id, type, agent_id, task_id, summary)
    select tenant_id, 'approval_withdrawn', agent_id, task_id, 'no decision is needed any more' from withdrawn`.execute(
    db,
  );
}

/** An approval, locked until the transaction ends, and whether its time has run out. */
export async function lockApproval(
  db: Db,
  tenantId: string,
  id: string,
): Promise<{ approval: Approval; expired: boolean } | undefined> {
  const row = await db
    .selectFrom('approvals')
    .selectAll()
    .select(sql<boolean>`coalesce(expires_at <= reeve_now(), false)`.as('expired'))
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row && { approval: fromRow(row), expired: row.expired };
}

/** The latest approval of a task. */
export async function selectApprovalOfTask(db: Db, tenantId: string, taskId: string): Promise<Approval | undefined> {
  const row = await db
    .selectFrom('approvals')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('task_id', '=', taskId)
    .where('kind', '=', 'task')
    .orderBy('requested_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && fromRow(row);
}

export async function updateDecided(
  db: Db,
  id: string,
  decision: Decision,
  decidedBy: string,
  reason: string | null,
): Promise<Approval> {
  const row = await db
    .updateTable('approvals')
    .set({ status: decision === 'approve' ? 'approved' : 'rejected', decided_by: decidedBy, decided_at: now, reason })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return fromRow(row);
}

/** Pending approvals of any tenant whose time has run out, up to `limit`. */
export async function selectOverdue(db: Db, limit: number): Promise<{ id: string; tenantId: string }[]> {
  const { rows } = await sql<{ id: string; tenant_id: string }>`
    select id, tenant_id from approvals where status = 'pending' and expires_at <= reeve_now() order by expires_at limit ${limit}`.execute(
    db,
  );
  return rows.map((row) => ({ id: row.id, tenantId: row.tenant_id }));
}

export interface ApprovalFilter {
  readonly status: Approval['status'];
  readonly kind?: Approval['kind'] | undefined;
  readonly agentId?: string | undefined;
  readonly taskId?: string | undefined;
}

/** A page of approvals: those that wait oldest first, others newest first. */
export async function listApprovals(
  db: Db,
  tenantId: string,
  filter: ApprovalFilter,
  { limit, offset }: Paging,
): Promise<{ approvals: Approval[]; total: number }> {
  let query = db.selectFrom('approvals').where('tenant_id', '=', tenantId).where('status', '=', filter.status);
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind);
  if (filter.agentId !== undefined) query = query.where('agent_id', '=', filter.agentId);
  if (filter.taskId !== undefined) query = query.where('task_id', '=', filter.taskId);
  const direction = filter.status === 'pending' ? 'asc' : 'desc';
  const rows = await query
    .selectAll()
    .orderBy('requested_at', direction)
    .orderBy('id', direction)
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await query.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  return { approvals: rows.map(fromRow), total };
}

function fromRow(row: Selectable<Tables['approvals']>): Approval {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    kind: row.kind as Approval['kind'],
    task_id: row.task_id,
    run_id: row.run_id,
    step: row.step,
    tool: row.tool,
    tool_call_id: row.tool_call_id,
    agent_id: row.agent_id,
    title: row.title,
    input: row.input,
    status: row.status as Approval['status'],
    requested_by: row.requested_by,
    requested_at: row.requested_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    default_decision: row.default_decision as Decision,
    decided_by: row.decided_by,
    decided_at: row.decided_at?.toISOString() ?? null,
    reason: row.reason,
    edited_input: row.edited_input,
    result: row.given_result,
  };
}
