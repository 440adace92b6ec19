import type { JournalEntry, JournalType, MemoryEvent } from '@reeve/contract';
import type { Db, Tables } from '@reeve/db';
import { sql, type RawBuilder, type Selectable, type SqlBool } from 'kysely';
import { journalIdOf } from './journal-id.ts';

export interface JournalFilter {
  readonly agentId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly traceId?: string | undefined;
  readonly type?: JournalType | undefined;
}

interface Paging {
  readonly limit: number;
  readonly offset: number;
}

/** Entries that are counted for a list's total. */
const COUNTED = 10_000;

/** Entries of a tenant, newest first. The total counts up to 10,000. */
export async function listJournal(
  db: Db,
  tenantId: string,
  filter: JournalFilter,
  { limit, offset }: Paging,
): Promise<{ entries: JournalEntry[]; total: number }> {
  const found = db.selectFrom('journal').where(matches(tenantId, filter));
  const newest = found.selectAll().orderBy('xid', 'desc').orderBy('position', 'desc');
  const rows = await newest.limit(limit).offset(offset).execute();
  const { total } = await db
    .selectFrom(found.select('position').limit(COUNTED).as('found'))
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { entries: rows.map(entryOf), total };
}

/** What there is to remember of a tenant's tasks, approvals and schedules, newest first. The total counts up to 10,000. */
export async function listMemoryEvents(
  db: Db,
  tenantId: string,
  filter: JournalFilter,
  { limit, offset }: Paging,
): Promise<{ events: MemoryEvent[]; total: number }> {
  const found = db.selectFrom('memory_events').where(matches(tenantId, filter));
  const newest = found.selectAll().orderBy('xid', 'desc').orderBy('position', 'desc');
  const rows = await newest.limit(limit).offset(offset).execute();
  const { total } = await db
    .selectFrom(found.select('position').limit(COUNTED).as('found'))
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { events: rows.map(memoryEventOf), total };
}

/** What happened to a task, oldest first; where there is more than the limit, the latest. */
export async function selectJournalOfTask(
  db: Db,
  tenantId: string,
  taskId: string,
  limit: number,
): Promise<JournalEntry[]> {
  const rows = await db
    .selectFrom('journal')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('task_id', '=', taskId)
    .orderBy('xid', 'desc')
    .orderBy('position', 'desc')
    .limit(limit)
    .execute();
  return rows.reverse().map(entryOf);
}

/** A place in a tenant's journal: after the entry of that transaction and position. */
export interface JournalPlace {
  readonly xid: bigint;
  readonly position: bigint;
}

/** An entry, where it is, and whether it is final that nothing will come to be before it. */
export interface PlacedEntry extends JournalPlace {
  readonly settled: boolean;
  readonly entry: JournalEntry;
}

/** The oldest transaction of the whole server that is open. */
const OLDEST = sql`pg_snapshot_xmin(pg_current_snapshot())`;

/**
 * The oldest that is open and not proven to be of another database, each of which has a lock on its own number. Those that have not
 * taken it yet, or have just given it up, count as ours. Where none is open: the next one.
 */
const OLDEST_HERE = sql`coalesce((
  select x from pg_snapshot_xip(pg_current_snapshot()) as x
  where not exists (
    select from pg_locks l join pg_stat_activity a using (pid)
    where l.locktype = 'transactionid' and l.mode = 'ExclusiveLock' and l.granted and l.transactionid = x::xid
      and a.datid <> (select oid from pg_database where datname = current_database())
  ) order by x limit 1
), pg_snapshot_xmax(pg_current_snapshot()))`;

/**
 * A tenant's entries after a place (and up to `until`), in the order of their places, one task's where `taskId` is
 * given. The settled ones come first: those of transactions below the oldest that is still open, in any database of the server,
 * or, with `looksCloser`, in this one, which is dearer to know.
 */
export async function selectJournalAfter(
  db: Db,
  tenantId: string,
  after: JournalPlace,
  {
    until,
    taskId,
    limit,
    looksCloser = false,
  }: { until?: JournalPlace; taskId?: string; limit: number; looksCloser?: boolean },
): Promise<PlacedEntry[]> {
  let query = db
    .selectFrom('journal')
    .selectAll()
    .select(sql<boolean>`xid < ${looksCloser ? OLDEST_HERE : OLDEST}`.as('settled'))
    .where('tenant_id', '=', tenantId)
    .where(sql<SqlBool>`(xid, position) > ${placeSql(after)}`);
  if (until !== undefined) query = query.where(sql<SqlBool>`(xid, position) <= ${placeSql(until)}`);
  if (taskId !== undefined) query = query.where('task_id', '=', taskId);
  const rows = await query.orderBy('xid').orderBy('position').limit(limit).execute();
  return rows.map((row) => ({
    xid: BigInt(row.xid),
    position: BigInt(row.position),
    settled: row.settled,
    entry: entryOf(row),
  }));
}

/**
 * The place after which all entries come that are not settled yet, and all that will be written. Other databases' transactions
 * do not hold it back: a reader from now on would be told of what was before.
 */
export async function selectJournalEnd(db: Db): Promise<JournalPlace> {
  const { rows } = await sql<{ xid: string }>`select (${OLDEST_HERE})::text as xid`.execute(db);
  return { xid: BigInt(rows[0]!.xid), position: 0n };
}

function matches(tenantId: string, { agentId, taskId, traceId, type }: JournalFilter): RawBuilder<SqlBool> {
  const conditions = [
    sql`tenant_id = ${tenantId}`,
    agentId !== undefined && sql`agent_id = ${agentId}`,
    taskId !== undefined && sql`task_id = ${taskId}`,
    // Through the tasks of the trace, which have an index: every entry with a trace is about one of them.
    traceId !== undefined &&
      sql`task_id = any(array(select id from tasks where tasks.tenant_id = ${tenantId} and tasks.trace_id = ${traceId}))`,
    type !== undefined && sql`type = ${type}`,
  ].filter((condition) => condition !== false);
  return sql<SqlBool>`${sql.join(conditions, sql` and `)}`;
}

function placeSql({ xid, position }: JournalPlace): RawBuilder<unknown> {
  return sql`(${String(xid)}::text::xid8, ${String(position)}::text::int8)`;
}

function entryOf(row: Selectable<Tables['journal']>): JournalEntry {
  return {
    id: journalIdOf(row),
    type: row.type as JournalType,
    tenant_id: row.tenant_id,
    agent_id: row.agent_id,
    task_id: row.task_id,
    schedule_id: row.schedule_id,
    trace_id: row.trace_id,
    actor: row.actor,
    summary: row.summary,
    details: row.details as Record<string, unknown>,
    created_at: row.created_at.toISOString(),
  };
}

function memoryEventOf(row: Selectable<Tables['memory_events']>): MemoryEvent {
  return {
    id: journalIdOf(row),
    type: row.type as MemoryEvent['type'],
    agent_id: row.agent_id,
    task_id: row.task_id,
    session_id: row.session_id,
    trace_id: row.trace_id,
    content: row.content,
    created_at: row.created_at.toISOString(),
  };
}
