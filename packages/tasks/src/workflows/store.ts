import type { Task, TaskStatus, WorkflowSummary } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { sql } from 'kysely';
import { selectTasks, type Paging } from '../queue/store/read.ts';

export async function insertWorkflow(
  db: Db,
  workflow: { id: string; tenantId: string; title: string; onFailure: string; traceId: string; userId: string },
): Promise<void> {
  await db
    .insertInto('workflows')
    .values({
      id: workflow.id,
      tenant_id: workflow.tenantId,
      title: workflow.title,
      on_failure: workflow.onFailure,
      trace_id: workflow.traceId,
      created_by_user_id: workflow.userId,
    })
    .execute();
}

export async function selectWorkflow(db: Db, tenantId: string, id: string): Promise<WorkflowSummary | undefined> {
  const { rows } = await sql<Row>`${summaries(sql`w.tenant_id = ${tenantId} and w.id = ${id}`)}`.execute(db);
  return rows[0] && fromRow(rows[0]);
}

/** A page of workflows, newest first. */
export async function listWorkflows(
  db: Db,
  tenantId: string,
  { limit, offset }: Paging,
): Promise<{ workflows: WorkflowSummary[]; total: number }> {
  const { rows } = await sql<Row>`${summaries(sql`w.tenant_id = ${tenantId}`)} limit ${limit} offset ${offset}`.execute(
    db,
  );
  const { total } = await db
    .selectFrom('workflows')
    .where('tenant_id', '=', tenantId)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { workflows: rows.map(fromRow), total };
}

/** The tasks of a workflow in the order in which they were given, which is that of their ids. */
export async function selectWorkflowTasks(db: Db, tenantId: string, id: string): Promise<Task[]> {
  const rows = await db
    .selectFrom('tasks')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('workflow_id', '=', id)
    .execute();
  const tasks = await selectTasks(
    db,
    rows.map((row) => row.id),
  );
  return tasks.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly title: string;
  readonly on_failure: string;
  readonly trace_id: string;
  readonly created_by_user_id: string | null;
  readonly created_at: Date;
  readonly counts: Record<string, number> | null;
}

function summaries(where: ReturnType<typeof sql>) {
  return sql`
    select w.id, w.tenant_id, w.title, w.on_failure, w.trace_id, w.created_by_user_id, w.created_at, c.counts
    from workflows w left join lateral (
      select jsonb_object_agg(status, count) as counts from (
        select case when l.task_id is null then t.status else 'in_progress' end as status, count(*) as count
        from tasks t left join leases l on l.task_id = t.id where t.workflow_id = w.id group by 1) s
    ) c on true
    where ${where} order by w.created_at desc, w.id desc`;
}

function fromRow(row: Row): WorkflowSummary {
  const counts = row.counts ?? {};
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    title: row.title,
    on_failure: row.on_failure as WorkflowSummary['on_failure'],
    status: statusOf(counts),
    counts,
    trace_id: row.trace_id,
    created_by_user_id: row.created_by_user_id,
    created_at: row.created_at.toISOString(),
  };
}

/** What the statuses of its tasks make of a workflow. */
function statusOf(counts: Readonly<Record<string, number>>): TaskStatus {
  const has = (status: TaskStatus) => (counts[status] ?? 0) > 0;
  const open = has('pending') || has('in_progress');
  const begun = has('in_progress') || has('completed') || has('failed') || has('cancelled');
  if (open) return begun ? 'in_progress' : 'pending';
  return has('failed') ? 'failed' : has('cancelled') ? 'cancelled' : 'completed';
}
