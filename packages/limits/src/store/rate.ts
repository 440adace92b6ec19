import { runText, type Db } from '@reeve/db';
import { sql } from 'kysely';
import type { Counted, RateEntry } from '../rates/count.ts';

/**
 * Adds to windows, all in one statement, beginning anew those that have ended by the database's clock. Rows are taken in the order
 * of their key, so that nobody waits for another in a circle.
 */
export async function addToWindows(db: Db, entries: readonly RateEntry[]): Promise<Counted[]> {
  const rows = entries.map(({ tenantId, key, count, windowS }) => ({ t: tenantId, k: key, n: count, w: windowS }));
  const counted = await runText<CountedRow>(db, ADD, [JSON.stringify(rows)]);
  const found = new Map(counted.map((row) => [`${row.tenant_id}:${row.key}`, row]));
  return entries.map(({ tenantId, key }) => {
    const row = found.get(`${tenantId}:${key}`)!;
    return { count: row.count, endsInMs: row.ends_in_ms };
  });
}

/** Deletes windows that ended a while ago. */
export async function deleteEndedWindows(db: Db): Promise<void> {
  await sql`delete from rate_windows where ends_at < reeve_now() - interval '1 hour'`.execute(db);
}

interface CountedRow {
  readonly tenant_id: string;
  readonly key: string;
  readonly count: number;
  readonly ends_in_ms: number;
}

// One moment for all of it: a window must not be found open for its count and ended for its end.
const ADD = `
  with moment as materialized (select reeve_now() as at), added as materialized (
    select a.t, a.k, a.n, m.at, m.at + make_interval(secs => a.w) as until
    from json_to_recordset($1::text::json) as a (t text, k text, n bigint, w float8) cross join moment m order by a.t, a.k
  )
  insert into rate_windows as r (tenant_id, key, count, began_at, ends_at) select t, k, n, at, until from added
  on conflict (tenant_id, key) do update set
    count = case when r.ends_at <= excluded.began_at then excluded.count else r.count + excluded.count end,
    began_at = case when r.ends_at <= excluded.began_at then excluded.began_at else r.began_at end,
    ends_at = case when r.ends_at <= excluded.began_at then excluded.ends_at else r.ends_at end
  returning tenant_id, key, count, (extract(epoch from ends_at - reeve_now())*1000)::float8 as ends_in_ms`;
