import { auditInsert, journalInsert } from '@reeve/audit';
import { runText, type Db } from '@reeve/db';
import { CREATED_JOURNAL, CREATION_AUDIT, CREATIONS } from './task-journal.ts';
import { toAudit, type Creation, type NewTask } from './insert.ts';

/**
 * Whether only its type's policy can keep a task from being ready at once: it has no start time, no dependencies, no concurrency key
 * and no worker yet.
 */
export function isPlain(task: NewTask): boolean {
  return (
    task.place &&
    task.owner === null &&
    task.runAt === null &&
    !task.requiresApproval &&
    !task.notifiesOnEnd &&
    task.dependsOn.length === 0 &&
    task.concurrencyKey === null &&
    task.workflowId === null
  );
}

/**
 * Inserts plain tasks, of any tenants, as `insertTasks` does, in a statement that is several times cheaper. Returns when they were
 * created; undefined, with nothing written, when a policy covers the type of one of them.
 */
export async function insertPlain(
  db: Db,
  tasks: readonly NewTask[],
  creations: readonly Creation[],
): Promise<Date | undefined> {
  const [made] = await runText<{ at: Date; ruled: boolean }>(db, INSERT, [
    JSON.stringify(groupsOf(tasks)),
    JSON.stringify(creations.map(toAudit)),
  ]);
  return made!.ruled ? undefined : made!.at;
}

/** Groups neighbors that share most fields, so that the shared ones are parsed once. */
function groupsOf(tasks: readonly NewTask[]) {
  const groups: Group[] = [];
  for (const task of tasks) {
    let group = groups.at(-1);
    if (group === undefined || !isOf(group, task)) {
      group = {
        tenant_id: task.tenantId,
        agent_id: task.agentId,
        task_type: task.taskType,
        priority: task.priority,
        max_attempts: task.maxAttempts,
        trace_id: task.traceId,
        created_by: task.createdBy,
        tasks: [],
      };
      groups.push(group);
    }
    group.tasks.push({
      id: task.id,
      title: task.title,
      description: task.description ?? undefined,
      payload: Object.keys(task.payload).length > 0 ? task.payload : undefined,
      session_id: task.sessionId ?? undefined,
    });
  }
  return groups;
}

interface Group {
  readonly tenant_id: string;
  readonly agent_id: string;
  readonly task_type: string;
  readonly priority: number;
  readonly max_attempts: number;
  readonly trace_id: string;
  readonly created_by: string | null;
  readonly tasks: object[];
}

function isOf(group: Group, task: NewTask): boolean {
  return (
    group.trace_id === task.traceId &&
    group.tenant_id === task.tenantId &&
    group.agent_id === task.agentId &&
    group.task_type === task.taskType &&
    group.priority === task.priority &&
    group.max_attempts === task.maxAttempts &&
    group.created_by === task.createdBy
  );
}

const INSERT = `
  with groups as materialized (
    select * from json_to_recordset($1::json) as g (
      tenant_id text, agent_id text, task_type text, priority smallint, max_attempts int, trace_id text, created_by text, tasks json)
  ), made as materialized (
    select reeve_now() as at, exists (
      select from groups g join task_policies p on p.task_type = g.task_type and p.tenant_id in (g.tenant_id, '*')) as ruled
  ), input as materialized (
    select g.tenant_id, g.agent_id, g.task_type, g.priority, g.max_attempts, g.trace_id, g.created_by, t.*, m.at
    from made m cross join groups g
    cross join lateral json_to_recordset(g.tasks) as t (id uuid, title text, description text, payload jsonb, session_id uuid)
    where not m.ruled
  ), recorded as (
    insert into tasks (id, tenant_id, agent_id, task_type, status, priority, title, description, payload, max_attempts,
      session_id, trace_id, created_by_user_id, created_at, updated_at)
    select id, tenant_id, agent_id, task_type, 'pending', priority, title, description, coalesce(payload, '{}'), max_attempts,
      session_id, trace_id, created_by, at, at
    from input
  ), ready as (
    insert into ready_tasks (tenant_id, agent_id, rank, task_id) select tenant_id, agent_id, reeve_rank(priority), id from input
  ), journaled as (
    ${journalInsert({ values: CREATED_JOURNAL, from: 'input' })}
  ), audited as (
    ${auditInsert({
      values: { ...CREATION_AUDIT, at: 'm.at' },
      from: `made m cross join ${CREATIONS('$2')} where not m.ruled`,
    })}
  )
  select at, ruled from made`;
