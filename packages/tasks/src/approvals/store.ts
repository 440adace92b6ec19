import { journalInsert } from '@reeve/audit';
import type { Approval, Decision } from '@reeve/contract';
import { json, now, runText, type Db, type Tables } from '@reeve/db';
import { sql, type Selectable } from 'kysely';
import { APPROVAL_EXPIRES_S } from '../queue/store/insert.ts';
import type { Paging } from '../queue/store/read.ts';

/** Asks for a decision on a task again, by the rule that holds for its type now. */
export async function insertApproval(db: Db, taskId: string, requestedBy: string): Promise<void> {
  await sql`insert into approvals (id, tenant_id, kind, task_id, agent_id, title, input, requested_by, expires_at, default_decision)
    select reeve_new_id(), t.tenant_id, 'task', t.id, t.agent_id, t.title, t.payload, ${requestedBy},
      reeve_now() + coalesce(p.expires_after_s, ${APPROVAL_EXPIRES_S}::int) * interval '1 s', coalesce(p.default_decision, 'reject')
    from tasks t left join lateral (
      select expires_after_s, default_decision from task_policies
      where task_type = t.task_type and tenant_id in (t.tenant_id, '*') order by tenant_id = '*' limit 1
    ) p on true
    where t.id = ${taskId}`.execute(db);
}

/** What somebody is asked about a tool call. */
export interface ToolQuestion {
  readonly id: string;
  readonly tenantId: string;
  readonly kind: 'tool_call' | 'tool_outcome';
  readonly taskId: string;
  readonly runId: string;
  readonly step: number;
  /** Of the step, whose outcome is hidden. */
  readonly attempt: number;
  readonly agentId: string;
  readonly tool: string;
  readonly toolCallId: string;
  readonly title: string;
  readonly input: unknown;
}

/**
 * Asks about a tool call, for as long and with the default that the rule for the tool says; a call whose outcome is hidden is
 * skipped by default, whatever the rule: it never happens twice by itself.
 */
export async function insertToolApproval(db: Db, question: ToolQuestion): Promise<Date> {
  const { rows } = await sql<{ expires_at: Date }>`
    insert into approvals (id, tenant_id, kind, task_id, run_id, step, attempt, agent_id, tool, tool_call_id, title, input,
      requested_by, expires_at, default_decision)
    select ${question.id}, ${question.tenantId}, ${question.kind}, ${question.taskId}, ${question.runId}, ${question.step}::int,
      ${question.attempt}::int, ${question.agentId}, ${question.tool}, ${question.toolCallId}, ${question.title}, ${json(question.input)}::jsonb,
      ${`agent:${question.agentId}`}, reeve_now() + coalesce(p.expires_after_s, ${APPROVAL_EXPIRES_S}::int) * interval '1 s',
      case when ${question.kind} = 'tool_call' then coalesce(p.default_decision, 'reject') else 'reject' end
    from (select) as one left join lateral (
      select expires_after_s, default_decision from task_policies
      where task_type = ${toolRule(question.tool)} and tenant_id in (${question.tenantId}, '*') order by tenant_id = '*' limit 1
    ) p on true
    returning expires_at`.execute(db);
  return rows[0]!.expires_at;
}

/** Which of these tools a rule has people asked about. */
export async function selectAskedTools(db: Db, tenantId: string, tools: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ task_type: string }>`
    select distinct on (task_type) task_type, auto_execute from task_policies
    where task_type = any(${tools.map(toolRule)}::text[]) and tenant_id in (${tenantId}, '*')
    order by task_type, tenant_id = '*'`.execute(db);
  const asked = new Set(
    (rows as { task_type: string; auto_execute: boolean }[]).flatMap((row) =>
      row.auto_execute ? [] : [row.task_type],
    ),
  );
  return new Set(tools.filter((tool) => asked.has(toolRule(tool))));
}

/** The task type whose policy rules the calls of a tool. */
function toolRule(tool: string): string {
  return `tool.${tool}`;
}

/** The latest question about each step of a run that was not taken back, by step and kind; `isGiven`: with a result by hand, be it null. */
export async function selectToolApprovals(
  db: Db,
  runId: string,
): Promise<(Approval & { attempt: number; isGiven: boolean })[]> {
  const { rows } = await sql<Selectable<Tables['approvals']>>`
    select distinct on (step, kind) * from approvals where run_id = ${runId} and step is not null and status <> 'withdrawn'
    order by step, kind, requested_at desc, id desc`.execute(db);
  return rows.map((row) => ({ ...fromRow(row), attempt: row.attempt ?? 0, isGiven: row.given_result !== null }));
}

/** Withdraws the open approvals of a task that has ended. */
export async function withdrawApprovals(db: Db, taskId: string): Promise<void> {
  await runText(db, WITHDRAW, [taskId]);
}

const WITHDRAW = `
  with withdrawn as (
    update approvals set status = 'withdrawn', decided_at = reeve_now() where task_id = $1 and status = 'pending'
    returning tenant_id, agent_id, task_id
  )
  ${journalInsert({
    values: {
      tenantId: 'tenant_id',
      type: `'approval_withdrawn'`,
      agentId: 'agent_id',
      taskId: 'task_id',
      summary: `'no decision is needed any more'`,
    },
    from: 'withdrawn',
  })}`;

/** One approval. */
export async function selectApproval(db: Db, tenantId: string, id: string): Promise<Approval | undefined> {
  const row = await db
    .selectFrom('approvals')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && fromRow(row);
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
  tool: { editedInput?: unknown; result?: unknown } = {},
): Promise<Approval> {
  const row = await db
    .updateTable('approvals')
    .set({
      status: decision === 'approve' ? 'approved' : 'rejected',
      decided_by: decidedBy,
      decided_at: now,
      reason,
      ...(tool.editedInput !== undefined && { edited_input: json(tool.editedInput) }),
      ...(tool.result !== undefined && { given_result: json({ given: tool.result }) }),
    })
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
  readonly runId?: string | undefined;
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
  if (filter.runId !== undefined) query = query.where('run_id', '=', filter.runId);
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
    result: (row.given_result as { given: unknown } | null)?.given ?? null,
  };
}
