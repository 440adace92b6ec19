import type { AuditRecord } from '@reeve/contract';
import type { Db } from '@reeve/db';
import { sql, type RawBuilder, type SqlBool } from 'kysely';
import { GENESIS } from './chain.ts';
import { AUDIT_TEXT } from './chain-store.ts';

export interface AuditFilter {
  readonly traceId?: string | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly taskId?: string | undefined;
  readonly runId?: string | undefined;
  /** Included. */
  readonly from?: string | undefined;
  /** Not included. */
  readonly to?: string | undefined;
}

/** Rows that are counted for a list's total. */
const COUNTED = 10_000;

/** Audit rows of a tenant with their links, newest first. The total counts up to 10,000. */
export async function listAudit(
  db: Db,
  tenantId: string,
  filter: AuditFilter,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ entries: AuditRecord[]; total: number }> {
  const where = matches(tenantId, filter);
  const { rows } = await sql<Omit<AuditRecord, 'details'> & { details: string }>`
    select ${sql.raw(AUDIT_TEXT)}, l.number, encode(l.hash, 'hex') as hash,
      case when l.number = 1 then ${GENESIS} else encode(p.hash, 'hex') end as previous_hash
    from (select * from audit a where ${where} order by xid desc, position desc limit ${limit} offset ${offset}) a
    left join audit_links l on l.tenant_id = a.tenant_id and l.xid = a.xid and l.position = a.position
    left join audit_links p on p.tenant_id = l.tenant_id and p.number = l.number - 1
    order by a.xid desc, a.position desc`.execute(db);
  const {
    rows: [counted],
  } = await sql<{ total: number }>`
    select count(*) as total from (select from audit a where ${where} limit ${COUNTED}) as found`.execute(db);
  const entries = rows.map(({ number, details, previous_hash, hash, ...row }) => ({
    number,
    ...row,
    details: JSON.parse(details) as Record<string, unknown>,
    previous_hash,
    hash,
  }));
  return { entries, total: counted!.total };
}

function matches(
  tenantId: string,
  { traceId, actor, action, taskId, runId, from, to }: AuditFilter,
): RawBuilder<SqlBool> {
  const conditions = [
    sql`a.tenant_id = ${tenantId}`,
    traceId !== undefined && sql`a.trace_id = ${traceId}`,
    actor !== undefined && sql`a.actor = ${actor}`,
    action !== undefined && sql`a.action = ${action}`,
    taskId !== undefined && sql`a.task_id = ${taskId}`,
    runId !== undefined && sql`a.run_id = ${runId}`,
    from !== undefined && sql`a.at >= ${from}::text::timestamptz`,
    to !== undefined && sql`a.at < ${to}::text::timestamptz`,
  ].filter((condition) => condition !== false);
  return sql<SqlBool>`${sql.join(conditions, sql` and `)}`;
}
