import { runText, type Db } from '@reeve/db';
import { sql } from 'kysely';
import type { AuditText, ChainPoint } from './chain.ts';

/** A row's place in this database, as text: transaction ids outgrow numbers. */
export interface AuditPlace {
  readonly xid: string;
  readonly position: string;
}

/** The end of a tenant's chain. */
export interface ChainHead extends ChainPoint, AuditPlace {}

/** What gives a row its number. */
export interface Link extends ChainPoint, AuditPlace {
  readonly auditId: string;
}

/** A row and where it is. */
export type PlacedRow = AuditText & AuditPlace;

/** The place before every other. */
export const START: AuditPlace = { xid: '0', position: '-9223372036854775808' };

/** The fields of a row `a` as `AuditText` has them. */
export const AUDIT_TEXT = `a.id::text as id, a.tenant_id, to_char(a.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, a.actor,
  a.action, a.trace_id, a.task_id::text as task_id, a.run_id::text as run_id, a.details::text as details`;

/** Keeps other sealers of the tenant's chain out until the transaction ends; false where one is at work and `wait` is not. */
export async function lockChain(db: Db, tenantId: string, wait: boolean): Promise<boolean> {
  const lock = sql`(7263003, hashtext(${tenantId}))`;
  const got = wait ? sql`pg_advisory_xact_lock${lock}::text is not null` : sql`pg_try_advisory_xact_lock${lock}`;
  // Links that a crash of the database takes are made again as they were, so nobody waits for the disk. And statistics lag behind
  // a log that grows: by index, always.
  const { rows } = await sql<{ got: boolean }>`select ${got} as got, set_config('synchronous_commit', 'off', true),
    set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)`.execute(db);
  return rows[0]!.got;
}

/** Where a tenant's chain ends; undefined where it has no link. */
export async function selectHead(db: Db, tenantId: string): Promise<ChainHead | undefined> {
  const [head] = await runText<ChainHead>(db, HEAD, [tenantId]);
  return head;
}

const HEAD = `select number, encode(hash, 'hex') as hash, xid::text as xid, position::text as position
  from audit_links where tenant_id = $1 order by number desc limit 1`;

/** Rows after a place that are final, in the order of their places. */
export function selectFinal(db: Db, tenantId: string, after: AuditPlace, limit: number): Promise<PlacedRow[]> {
  return runText(db, FINAL, [tenantId, after.xid, after.position, limit]);
}

const PLACED = `select a.xid::text as xid, a.position::text as position, ${AUDIT_TEXT} from audit a
  where a.tenant_id = $1 and (a.xid, a.position) > ($2::text::xid8, $3::text::int8)`;
const FINAL = `${PLACED} and a.xid < pg_snapshot_xmin(pg_current_snapshot()) order by a.xid, a.position limit $4`;

/** Rows after a place, up to another, in the order of their places. */
export function selectBetween(
  db: Db,
  tenantId: string,
  after: AuditPlace,
  until: AuditPlace,
  limit: number,
): Promise<PlacedRow[]> {
  return runText(db, BETWEEN, [tenantId, after.xid, after.position, limit, until.xid, until.position]);
}

const BETWEEN = `${PLACED} and (a.xid, a.position) <= ($5::text::xid8, $6::text::int8) order by a.xid, a.position limit $4`;

/** How many rows come after a place, counted up to `most`. */
export async function countAfter(db: Db, tenantId: string, after: AuditPlace, most: number): Promise<number> {
  const [{ count } = { count: 0 }] = await runText<{ count: number }>(db, COUNT_AFTER, [
    tenantId,
    after.xid,
    after.position,
    most,
  ]);
  return count;
}

const COUNT_AFTER = `select count(*) as count from (
  select from audit a where a.tenant_id = $1 and (a.xid, a.position) > ($2::text::xid8, $3::text::int8) limit $4) as found`;

/** Adds links to the end of a tenant's chain. */
export async function insertLinks(db: Db, tenantId: string, links: readonly Link[]): Promise<void> {
  await runText(db, INSERT_LINKS, [
    tenantId,
    links.map(({ number }) => number),
    links.map(({ xid }) => xid),
    links.map(({ position }) => position),
    links.map(({ auditId }) => auditId),
    links.map(({ hash }) => hash),
  ]);
}

const INSERT_LINKS = `insert into audit_links (tenant_id, number, xid, position, audit_id, hash)
  select $1, n, x::xid8, p, i, decode(h, 'hex') from unnest($2::int8[], $3::text[], $4::int8[], $5::uuid[], $6::text[]) as l (n, x, p, i, h)`;

/** Tenants with rows after the end of their chain that are final. */
export async function selectTenantsToSeal(db: Db): Promise<string[]> {
  const rows = await runText<{ tenant_id: string }>(db, TO_SEAL, []);
  return rows.map(({ tenant_id }) => tenant_id);
}

// Laterals with limits: no plan reads the whole log.
const TO_SEAL = `select t.tenant_id
  from tenants t
  left join lateral (
    select l.xid, l.position from audit_links l where l.tenant_id = t.tenant_id order by l.number desc limit 1) h on true
  cross join lateral (
    select from audit a
    where a.tenant_id = t.tenant_id and (a.xid, a.position) > (coalesce(h.xid, '0'), coalesce(h.position, '${START.position}'))
      and a.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by a.xid, a.position limit 1) as unsealed`;

/** Links in the order of their numbers: those above `after`, up to `until`. */
export function selectLinks(db: Db, tenantId: string, after: number, until: number): Promise<Link[]> {
  return runText(db, LINKS, [tenantId, after, until]);
}

const LINKS = `select number, encode(hash, 'hex') as hash, xid::text as xid, position::text as position, audit_id::text as "auditId"
  from audit_links where tenant_id = $1 and number > $2 and number <= $3 order by number`;

/** True where the row of a place has a link. */
export async function isLinked(db: Db, tenantId: string, { xid, position }: AuditPlace): Promise<boolean> {
  return (await runText(db, LINKED, [tenantId, xid, position])).length > 0;
}

const LINKED = `select number from audit_links where tenant_id = $1 and xid = $2::text::xid8 and position = $3::text::int8`;

/** A row after a place whose transaction is yet to come, which only somebody who invents places can write. */
export async function selectFromFuture(db: Db, tenantId: string, after: AuditPlace): Promise<string | undefined> {
  const [found] = await runText<{ id: string }>(db, FUTURE, [tenantId, after.xid, after.position]);
  return found?.id;
}

const FUTURE = `select a.id::text as id from audit a
  where a.tenant_id = $1 and (a.xid, a.position) > ($2::text::xid8, $3::text::int8) and a.xid >= pg_snapshot_xmax(pg_current_snapshot())
  order by a.xid, a.position limit 1`;

/** True where another link tells of the row with this id, or one behind a link is about a place before its own. */
export async function isMoved(db: Db, tenantId: string, { number, xid, position }: Link, id: string): Promise<boolean> {
  const [{ moved } = { moved: false }] = await runText<{ moved: boolean }>(db, MOVED, [
    tenantId,
    number,
    xid,
    position,
    id,
  ]);
  return moved;
}

const MOVED = `select exists (
  select from audit_links
  where tenant_id = $1 and number <> $2 and (audit_id = $5::text::uuid or (number > $2 and (xid, position) < ($3::text::xid8, $4::text::int8)))
) as moved`;

/** The links whose rows have times of a range, with all between the first and the last of them; undefined where there are none. */
export async function selectRange(
  db: Db,
  tenantId: string,
  { from, to }: { from?: string | undefined; to?: string | undefined },
): Promise<{ first: number; last: number } | undefined> {
  const [range] = await runText<{ first: number | null; last: number }>(db, RANGE, [tenantId, from, to]);
  return range === undefined || range.first === null ? undefined : { first: range.first, last: range.last };
}

const RANGE = `select min(l.number) as first, max(l.number) as last
  from audit a join audit_links l on a.tenant_id = l.tenant_id and a.xid = l.xid and a.position = l.position
  where a.tenant_id = $1 and a.at >= coalesce($2::text::timestamptz, '-infinity') and a.at < coalesce($3::text::timestamptz, 'infinity')`;

/** Orders places as the chain does. */
export function isAfter(a: AuditPlace, b: AuditPlace): boolean {
  if (a.xid === b.xid) return BigInt(a.position) > BigInt(b.position);
  return BigInt(a.xid) > BigInt(b.xid);
}
