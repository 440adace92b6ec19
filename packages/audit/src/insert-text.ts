/*
 * Inserts into the journal and the audit log as parts of larger statements: an entry commits with the rows it tells of, and costs no
 * statement of its own. Only this file and its neighbors know the columns.
 */

/** SQL expressions for the columns of a journal entry. Those left out have their defaults: the actor is `system`, the time is now. */
export interface JournalExpressions {
  readonly tenantId: string;
  readonly type: string;
  readonly summary: string;
  readonly agentId?: string;
  readonly taskId?: string;
  readonly sessionId?: string;
  readonly traceId?: string;
  readonly actor?: string;
  readonly details?: string;
  readonly createdAt?: string;
}

/** SQL expressions for the columns of an audit row; `at` is now by default. */
export interface AuditExpressions {
  readonly tenantId: string;
  readonly actor: string;
  readonly action: string;
  readonly traceId: string;
  readonly id?: string;
  readonly at?: string;
  readonly taskId?: string;
  readonly runId?: string;
  readonly details?: string;
}

/** The rows of one source: an expression for each column, and what they are selected from. */
interface Rows<Expressions> {
  readonly values: Expressions;
  /** As behind `from`. */
  readonly from: string;
}

const JOURNAL: Readonly<Record<keyof JournalExpressions, string>> = {
  tenantId: 'tenant_id',
  type: 'type',
  agentId: 'agent_id',
  taskId: 'task_id',
  sessionId: 'session_id',
  traceId: 'trace_id',
  actor: 'actor',
  summary: 'summary',
  details: 'details',
  createdAt: 'created_at',
};

const AUDIT: Readonly<Record<keyof AuditExpressions, string>> = {
  id: 'id',
  tenantId: 'tenant_id',
  at: 'at',
  actor: 'actor',
  action: 'action',
  traceId: 'trace_id',
  taskId: 'task_id',
  runId: 'run_id',
  details: 'details',
};

/** An insert of journal entries, for a CTE. Entries have the order of the sources; all sources name the same columns. */
export function journalInsert(...sources: readonly [Rows<JournalExpressions>, ...Rows<JournalExpressions>[]]): string {
  return insertInto('journal', JOURNAL, sources);
}

/** An insert of audit rows, for a CTE. All sources name the same columns. */
export function auditInsert(...sources: readonly [Rows<AuditExpressions>, ...Rows<AuditExpressions>[]]): string {
  const filled = sources.map(({ values, from }) => ({
    values: { id: 'reeve_new_id()', at: 'reeve_now()', ...values },
    from,
  }));
  return insertInto('audit', AUDIT, filled);
}

function insertInto<Expressions extends object>(
  table: string,
  columns: Readonly<Record<keyof Expressions, string>>,
  sources: readonly Rows<Expressions>[],
): string {
  const names = (Object.keys(columns) as (keyof Expressions)[]).filter(
    (name) => sources[0]?.values[name] !== undefined,
  );
  const selects = sources.map(
    ({ values, from }) => `select ${names.map((name) => values[name]).join(', ')} from ${from}`,
  );
  return `insert into ${table} (${names.map((name) => columns[name]).join(', ')}) ${selects.join(' union all ')}`;
}
