/** The expressions of a journal entry about rows that have the columns of `tasks`. */
export const TASK_JOURNAL = {
  tenantId: 'tenant_id',
  agentId: 'agent_id',
  taskId: 'id',
  sessionId: 'session_id',
  traceId: 'trace_id',
} as const;

/** The same for a new task, of rows that have `created_by` and `at` beside them. */
export const CREATED_JOURNAL = {
  ...TASK_JOURNAL,
  type: `'task_created'`,
  actor: `coalesce(created_by, 'system')`,
  summary: `'given to ' || agent_id || ': ' || left(title, 200)`,
  createdAt: 'at',
} as const;

/** The expressions of the audit row of a call that created tasks, of rows as `toAudit` makes them, called `c`. */
export const CREATION_AUDIT = {
  tenantId: 'c.tenant_id',
  actor: 'c.actor',
  action: `'TASK_CREATED'`,
  traceId: 'c.trace_id',
  taskId: 'c.task_id',
  details: 'c.details',
} as const;

/** The rows of a parameter that `toAudit` made. */
export const CREATIONS = (parameter: string) =>
  `json_to_recordset(${parameter}::json) as c (tenant_id text, actor text, trace_id text, task_id uuid, details jsonb)`;
