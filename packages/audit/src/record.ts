import { runStatement, type Statement, type Tx } from '@reeve/db';
import { newId } from '@reeve/kit';
import { auditInsert } from './insert-text.ts';

/** One thing that happened: who did what, in which trace, to which task and run. */
export interface AuditEntry {
  readonly tenantId: string;
  /** A user id, `system`, or the agent as `agent:<slug>`. */
  readonly actor: string;
  readonly action: AuditAction;
  readonly traceId: string;
  readonly taskId?: string;
  readonly runId?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The transitions that are recorded. The first group are a run's, by the names of the contract. */
export type AuditAction =
  | 'PLAN_START'
  | 'PLAN_MODEL_RESPONSE'
  | 'TOOL_CALL'
  | 'TOOL_RESULT'
  | 'TOOL_ERROR'
  | 'TOOL_DENIED'
  | 'HANDOFF'
  | 'PLAN_WAITING'
  | 'PLAN_RESUMED'
  | 'PLAN_ERROR'
  | 'PLAN_END'
  | 'TASK_CREATED'
  | 'TASK_CANCELLED'
  | 'TASK_RETRIED'
  | 'APPROVAL_REQUESTED'
  | 'APPROVAL_DECIDED'
  | 'POLICY_CHANGED'
  | 'LIMIT_CHANGED'
  | 'BUDGET_CHANGED'
  | 'SETTING_CHANGED'
  | 'WORKFLOW_CREATED'
  | 'SCHEDULE_CREATED'
  | 'SCHEDULE_CHANGED'
  | 'SCHEDULE_DELETED'
  | 'AGENT_CREATED'
  | 'AGENT_CHANGED'
  | 'AGENT_DELETED'
  | 'MEMORY_STORED'
  | 'MEMORY_CHANGED'
  | 'MEMORY_DELETED'
  | 'MEMORIES_DELETED'
  | 'SESSION_DELETED'
  | 'PERSONA_CREATED'
  | 'PERSONA_CHANGED'
  | 'PERSONA_DELETED'
  | 'DOCUMENT_ADDED'
  | 'DOCUMENT_REPLACED'
  | 'DOCUMENT_DELETED'
  | 'PLAYBOOK_STORED'
  | 'PLAYBOOK_DELETED'
  | 'TOOL_EXECUTED'
  | 'EGRESS_ALLOWED'
  | 'EGRESS_DENIED'
  | 'FILE_UPLOADED'
  | 'FILE_DELETED'
  | 'CALL_DENIED'
  | 'KEY_CREATED'
  | 'KEY_ROTATED'
  | 'KEY_REVOKED'
  | 'KEY_USED'
  | 'LOGIN'
  | 'TENANT_CHANGED'
  | 'MCP_SERVER_CREATED'
  | 'MCP_SERVER_CHANGED'
  | 'MCP_SERVER_DELETED';

/** Adds rows to the audit log, in the transaction of the change they tell of and never outside it. */
export async function recordAudit(tx: Tx, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length > 0) await runStatement(tx, auditStatement(entries));
}

/** The same as a statement, for whoever runs it together with others. */
export function auditStatement(entries: readonly AuditEntry[]): Statement {
  return { text: INSERT, parameters: [JSON.stringify(entries.map(rowOf))] };
}

const INSERT = auditInsert({
  values: {
    id: 'id',
    tenantId: 'tenant_id',
    actor: 'actor',
    action: 'action',
    traceId: 'trace_id',
    taskId: 'task_id',
    runId: 'run_id',
    details: `coalesce(details, '{}')`,
  },
  from: 'json_to_recordset($1::json) as e (id uuid, tenant_id text, actor text, action text, trace_id text, task_id uuid, run_id uuid, details jsonb)',
});

function rowOf({ tenantId, actor, action, traceId, taskId, runId, details }: AuditEntry) {
  return {
    id: newId(),
    tenant_id: tenantId,
    actor,
    action,
    trace_id: traceId,
    task_id: taskId,
    run_id: runId,
    details,
  };
}
