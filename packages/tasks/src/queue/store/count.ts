import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** Rows that accumulate before a merge. */
const GATHERED = 2_000;

/**
 * Merges the changes of counts when there are at least `from` rows and no other process is merging; returns the number of rows from
 * which the next merge pays. Changes of the last hour keep their minute and sign, since the pace is computed from them; older ones
 * become one row each.
 */
export async function mergeCounts(db: Db, from: number): Promise<number> {
  const { rows } = await sql<{ left: number }>`
    with turn as materialized (
      select (select count(*) from task_counts) >= ${Math.max(from, GATHERED)} and pg_try_advisory_xact_lock(7263003) as mine
    ), gone as (
      delete from task_counts where (select mine from turn) returning *
    ), kept as (
      select tenant_id, agent_id, task_type, status,
        case when minute > reeve_now() - interval '1 hour' then minute else 'epoch' end as minute,
        case when minute > reeve_now() - interval '1 hour' then sign(change) end as sign, sum(change) as change
      from gone group by 1, 2, 3, 4, 5, 6
    ), merged as (
      insert into task_counts select tenant_id, agent_id, task_type, status, minute, change from kept where change <> 0 returning 1
    )
    select count(*)::int as left from merged`.execute(db);
  return rows[0]!.left === 0 ? from : rows[0]!.left + GATHERED;
}
