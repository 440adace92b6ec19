import { json, now, type Tx } from '@reeve/db';
import { newId } from '@reeve/kit';

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
  | 'WORKFLOW_CREATED'
  | 'SCHEDULE_CREATED'
  | 'SCHEDULE_CHANGED'
  | 'SCHEDULE_DELETED'
  | 'AGENT_CREATED'
  | 'AGENT_CHANGED'
  | 'AGENT_DELETED'
  | 'MEMORY_STORED'
  | 'MEMORY_DELETED'
  | 'SESSION_DELETED'
  | 'TOOL_EXECUTED';

/** Adds rows to the audit log, in the transaction of the change they tell of and never outside it. */
export async function recordAudit(tx: Tx, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await tx
    .insertInto('audit')
    .values(
      entries.map((entry) => ({
        id: newId(),
        tenant_id: entry.tenantId,
        at: now,
        actor: entry.actor,
        action: entry.action,
        trace_id: entry.traceId,
        task_id: entry.taskId ?? null,
        run_id: entry.runId ?? null,
        details: json(entry.details ?? {}),
      })),
    )
    .execute();
}
