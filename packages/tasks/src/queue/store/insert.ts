import { auditInsert, journalInsert } from '@reeve/audit';
import { runText, type Db } from '@reeve/db';
import { CREATED_JOURNAL, CREATION_AUDIT, CREATIONS } from './task-journal.ts';

/** A new task as it is stored. */
export interface NewTask {
  readonly id: string;
  readonly tenantId: string;
  readonly agentId: string;
  readonly taskType: string;
  readonly priority: number;
  readonly title: string;
  readonly description: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly runAt: string | null;
  readonly dependsOn: readonly string[];
  readonly maxAttempts: number;
  readonly sessionId: string | null;
  readonly traceId: string;
  readonly createdBy: string | null;
  readonly workflowId: string | null;
  readonly workflowKey: string | null;
  readonly runAnyway: boolean;
  readonly requiresApproval: boolean;
  readonly concurrencyKey: string | null;
  readonly concurrencyLimit: number;
  readonly concurrencyStrategy: string;
  /** Other tasks wait for its end. */
  readonly notifiesOnEnd: boolean;
  /** False: the caller schedules it in the same transaction, since it depends on others or has a key. */
  readonly place: boolean;
  /** The worker that leases it from the start; null: none. */
  readonly owner: string | null;
  readonly leaseMs: number | null;
}

/** Where a new task waits. `limited`: it was to be leased, but its tenant or agent has a limit; it waits nowhere yet. */
export interface Placed {
  readonly id: string;
  readonly createdAt: Date;
  readonly epoch: number | null;
  readonly place: 'ready' | 'timer' | 'approval' | 'leased' | 'limited' | 'caller';
}

/** The audit row of a call that created tasks. */
export interface Creation {
  readonly tenantId: string;
  readonly actor: string;
  readonly traceId: string;
  readonly taskId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** How long an approval stays open when no policy says, in seconds. */
export const APPROVAL_EXPIRES_S = 7 * 24 * 3600;

/**
 * Inserts tasks of any tenants, with their journal and audit rows, in one statement. Each waits first for a decision, when its input
 * or its type's policy asks for one, else for its start time, else for a worker.
 */
export async function insertTasks(
  db: Db,
  tasks: readonly NewTask[],
  creations: readonly Creation[],
): Promise<Map<string, Placed>> {
  const rows = await runText<PlacedRow>(db, INSERT, [
    JSON.stringify(tasks.map(toRow)),
    JSON.stringify(creations.map(toAudit)),
  ]);
  // One row stands for all that are ready, which most are.
  const elsewhere = new Map(rows.map(({ id, at, epoch, place }) => [id, { createdAt: at, epoch, place }]));
  return new Map(tasks.map(({ id }) => [id, { id, ...(elsewhere.get(id) ?? elsewhere.get(null)!) }]));
}

interface PlacedRow {
  readonly id: string | null;
  readonly at: Date;
  readonly epoch: number | null;
  readonly place: Placed['place'];
}

const INSERT = `
    with input as (
      select * from json_to_recordset($1::json) as i (
        id uuid, tenant_id text, agent_id text, task_type text, priority smallint, title text, description text, payload jsonb,
        run_at timestamptz, depends_on uuid[], max_attempts int, session_id uuid, trace_id text, created_by text,
        workflow_id uuid, workflow_key text, run_anyway boolean, requires_approval boolean, concurrency_key text,
        concurrency_limit int, concurrency_strategy text, notifies_on_end boolean, place boolean, owner text, lease_ms float8)
    ), ruled as (
      select id, i.tenant_id, agent_id, i.task_type, coalesce(priority, 0::smallint) as priority, title, description, coalesce(payload, '{}') as payload,
        run_at, coalesce(depends_on, '{}') as depends_on, max_attempts, session_id, trace_id, created_by, workflow_id, workflow_key,
        coalesce(run_anyway, false) as run_anyway, concurrency_key, coalesce(concurrency_limit, 1) as concurrency_limit,
        coalesce(concurrency_strategy, 'queue') as concurrency_strategy, coalesce(notifies_on_end, false) as notifies_on_end,
        coalesce(place, true) as place, owner, lease_ms, (select reeve_now()) as at,
        coalesce(requires_approval, false) or not coalesce(own.auto_execute, every.auto_execute, true) as asks,
        coalesce(case when own.task_type is null then every.expires_after_s else own.expires_after_s end, ${APPROVAL_EXPIRES_S}) as expires_after_s,
        coalesce(own.default_decision, every.default_decision, 'reject') as default_decision
      from input i
      left join task_policies own on own.tenant_id = i.tenant_id and own.task_type = i.task_type
      left join task_policies every on every.tenant_id = '*' and every.task_type = i.task_type
    ), placed as (
      select r.*, case
        when asks then 'approval'
        when owner is not null and exists (
          select from concurrency_limits l where l.tenant_id = r.tenant_id and l.agent_id in ('', r.agent_id)) then 'limited'
        when owner is not null then 'leased'
        when not place then 'caller'
        when run_at > at then 'timer'
        else 'ready' end as put
      from ruled r
    ), recorded as (
      insert into tasks (id, tenant_id, agent_id, task_type, status, priority, title, description, payload, run_at, depends_on,
        max_attempts, session_id, trace_id, created_by_user_id, workflow_id, workflow_key, run_anyway, requires_approval,
        concurrency_key, concurrency_limit, concurrency_strategy, notifies_on_end, created_at, updated_at)
      select id, tenant_id, agent_id, task_type, 'pending', priority, title, description, payload, run_at, depends_on,
        max_attempts, session_id, trace_id, created_by, workflow_id, workflow_key, run_anyway, asks,
        concurrency_key, concurrency_limit, concurrency_strategy, notifies_on_end, at, at
      from placed
    ), ready as (
      insert into ready_tasks (tenant_id, agent_id, rank, task_id)
      select tenant_id, agent_id, reeve_rank(priority), id from placed where put = 'ready'
    ), timed as (
      insert into waiting_tasks (task_id, tenant_id, reason, due_at) select id, tenant_id, 'schedule', run_at from placed where put = 'timer'
    ), leased as (
      insert into leases (task_id, tenant_id, agent_id, epoch, owner, attempt, started_at, expires_at)
      select id, tenant_id, agent_id, nextval('lease_epochs'), owner, 1, at, at + lease_ms * interval '1 ms' from placed where put = 'leased'
      returning task_id, epoch
    ), asked as (
      insert into approvals (id, tenant_id, kind, task_id, agent_id, title, input, requested_by, requested_at, expires_at, default_decision)
      select reeve_new_id(), tenant_id, 'task', id, agent_id, title, payload, created_by, at, at + expires_after_s * interval '1 s', default_decision
      from placed where asks
    ), journaled as (
      ${journalInsert(
        { values: CREATED_JOURNAL, from: 'placed' },
        {
          values: {
            ...CREATED_JOURNAL,
            type: `case when asks then 'approval_requested' else 'task_started' end`,
            summary: `case when asks then 'waits for a decision' else 'started' end`,
          },
          from: `placed where asks or put = 'leased'`,
        },
      )}
    ), audited as (
      ${auditInsert(
        { values: CREATION_AUDIT, from: CREATIONS('$2') },
        {
          values: {
            tenantId: 'tenant_id',
            at: 'at',
            actor: `coalesce(created_by, 'system')`,
            action: `'APPROVAL_REQUESTED'`,
            traceId: 'trace_id',
            taskId: 'id',
            details: `jsonb_build_object('kind', 'task')`,
          },
          from: 'placed where asks',
        },
      )}
    )
    select p.id, p.at, l.epoch, p.put as place from placed p left join leased l on l.task_id = p.id where p.put <> 'ready'
    union all (select null, at, null, put from placed where put = 'ready' limit 1)`;

/** Leaves defaults out: the text is parsed for every task. */
function toRow(task: NewTask) {
  return {
    id: task.id,
    tenant_id: task.tenantId,
    agent_id: task.agentId,
    task_type: task.taskType,
    title: task.title,
    max_attempts: task.maxAttempts,
    trace_id: task.traceId,
    priority: task.priority || undefined,
    description: task.description ?? undefined,
    payload: Object.keys(task.payload).length > 0 ? task.payload : undefined,
    run_at: task.runAt ?? undefined,
    depends_on: task.dependsOn.length > 0 ? task.dependsOn : undefined,
    session_id: task.sessionId ?? undefined,
    created_by: task.createdBy ?? undefined,
    workflow_id: task.workflowId ?? undefined,
    workflow_key: task.workflowKey ?? undefined,
    run_anyway: task.runAnyway || undefined,
    requires_approval: task.requiresApproval || undefined,
    concurrency_key: task.concurrencyKey ?? undefined,
    concurrency_limit: task.concurrencyKey === null ? undefined : task.concurrencyLimit,
    concurrency_strategy: task.concurrencyKey === null ? undefined : task.concurrencyStrategy,
    notifies_on_end: task.notifiesOnEnd || undefined,
    place: task.place ? undefined : false,
    owner: task.owner ?? undefined,
    lease_ms: task.leaseMs ?? undefined,
  };
}

/** A creation as a row of the statements' parameter. */
export function toAudit({ tenantId, actor, traceId, taskId, details }: Creation) {
  return { tenant_id: tenantId, actor, trace_id: traceId, task_id: taskId, details };
}
