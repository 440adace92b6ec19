import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** Changes that are left to lie before they are merged. */
const LYING = 2_000;

/**
 * Merges the changes of counts where many have gathered. Those of the last hour keep their minute and their sign, since
 * the pace is read from them; older ones become one row each.
 */
export async function mergeCounts(db: Db): Promise<void> {
  await sql`
    with gone as (
      delete from task_counts where (select count(*) from (select from task_counts limit ${LYING}) c) >= ${LYING} returning *
    ), kept as (
      select tenant_id, agent_id, task_type, status,
        case when minute > reeve_now() - interval '1 hour' then minute else 'epoch' end as minute,
        case when minute > reeve_now() - interval '1 hour' then sign(change) end as sign, sum(change) as change
      from gone group by 1, 2, 3, 4, 5, 6
    )
    insert into task_counts select tenant_id, agent_id, task_type, status, minute, change from kept where change <> 0`.execute(
    db,
  );
}
