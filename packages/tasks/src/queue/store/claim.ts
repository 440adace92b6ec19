import { journalInsert } from '@reeve/audit';
import { runText, type Db } from '@reeve/db';
import { sql } from 'kysely';
import type { Limit } from '../../limits/store.ts';
import { TASK_JOURNAL } from './task-journal.ts';
import type { Claim, ClaimedTask } from '../task.ts';

/** The ready tasks of one agent of a tenant, quarantined ones apart from the others. */
export interface Lane {
  readonly tenantId: string;
  readonly agentId: string;
  /** Its tasks have lost their workers repeatedly. */
  readonly quarantined: boolean;
}

/** How much to claim from a lane. */
export interface Want extends Lane {
  /** Lower ranks are known to be empty. */
  readonly fromRank: number;
  readonly limit: number;
  /** Most to claim from the tenant, over all its lanes. */
  readonly share: number;
}

/** A claim made from the ready tasks, and where it stood among them. */
export interface Claimed extends Claim {
  readonly quarantined: boolean;
  readonly rank: number;
}

/** The lanes with ready tasks, and the limits on them. */
export interface Look {
  readonly lanes: Lane[];
  readonly limits: Limit[];
}

/**
 * Reads the lanes behind one (undefined: from the first) that have ready tasks, and every limit. A recursive query steps from lane to
 * lane in the index, so their lengths cost nothing.
 */
export async function lookAtQueue(db: Db, after: Lane | undefined, most: number): Promise<Look> {
  const columns = sql.raw('tenant_id, agent_id, quarantined');
  const { rows } = await sql<{
    tenant_id: string;
    agent_id: string;
    quarantined: boolean;
    max_running: number | null;
  }>`
    with recursive lanes as (
      (select ${columns} from ready_tasks
        where (${columns}) > (${after?.tenantId ?? ''}, ${after?.agentId ?? ''}, ${after?.quarantined ?? false}::boolean)
        order by ${columns} limit 1)
      union all
      select n.* from lanes l cross join lateral (
        select ${columns} from ready_tasks where (${columns}) > (l.tenant_id, l.agent_id, l.quarantined)
        order by ${columns} limit 1) n
    )
    (select ${columns}, null::int as max_running from lanes limit ${most})
    union all
    select tenant_id, agent_id, false, least(max_running, policy_max) from concurrency_limits`.execute(db);
  const look: Look = { lanes: [], limits: [] };
  for (const { tenant_id: tenantId, agent_id: agentId, quarantined, max_running: maxRunning } of rows)
    if (maxRunning === null) look.lanes.push({ tenantId, agentId, quarantined });
    else look.limits.push({ tenantId, agentId, maxRunning });
  return look;
}

/**
 * Claims ready tasks of these lanes by rank, at most its share of each tenant; two claimers never get the same one. Rows of
 * ready_tasks are never updated, so picking them by ctid is safe.
 */
export async function claimReady(db: Db, owner: string, leaseMs: number, wants: readonly Want[]): Promise<Claimed[]> {
  const rows = await runText<ClaimedRow>(db, CLAIM, [JSON.stringify(wants.map(toRow)), owner, leaseMs]);
  return rows.map(({ quarantined, rank, epoch, attempt, ...task }) => ({ task, quarantined, rank, epoch, attempt }));
}

type ClaimedRow = ClaimedTask & Omit<Claimed, 'task'>;

const CLAIM = `
  with wanted as materialized (
    select * from json_to_recordset($1::json) as w (tenant_id text, agent_id text, quarantined boolean, from_rank bigint, most int, share int)
  ), picked as (
    delete from ready_tasks where ctid = any(array(
      select c.place from (select distinct tenant_id, share from wanted) t cross join lateral (
        select r.place from wanted w cross join lateral (
          select ctid as place, rank, task_id from ready_tasks
          where tenant_id = w.tenant_id and agent_id = w.agent_id and quarantined = w.quarantined and rank >= w.from_rank
          order by rank, task_id limit w.most for update skip locked) r
        where w.tenant_id = t.tenant_id order by r.rank, r.task_id limit t.share) c))
    returning quarantined, rank, task_id
  ), taken as materialized (
    select p.quarantined, p.rank, t.id, t.tenant_id, t.agent_id, t.title, t.description, t.payload, t.priority, t.max_attempts, t.session_id,
      t.trace_id, t.created_by_user_id, t.attempts + 1 as attempt, nextval('lease_epochs') as epoch, reeve_now() as at
    from picked p join tasks t on t.id = p.task_id and t.status = 'pending'
  ), leased as (
    insert into leases (task_id, tenant_id, agent_id, epoch, owner, attempt, started_at, expires_at)
    select id, tenant_id, agent_id, epoch, $2::text, attempt, at, at + $3::float8 * interval '1 ms' from taken
  ), journaled as (
    ${journalInsert({ values: { ...TASK_JOURNAL, type: `'task_started'`, summary: `'started'` }, from: 'taken' })}
  )
  select quarantined, rank, epoch, attempt, id, tenant_id as "tenantId", agent_id as "agentId", title, description, payload, priority,
    max_attempts as "maxAttempts", session_id as "sessionId", trace_id as "traceId", created_by_user_id as "createdBy"
  from taken order by rank, id`;

function toRow({ tenantId, agentId, quarantined, fromRank, limit, share }: Want) {
  return { tenant_id: tenantId, agent_id: agentId, quarantined, from_rank: fromRank, most: limit, share };
}

/** How many tasks of these tenants are in progress, by agent. */
export async function countLeases(
  db: Db,
  tenantIds: readonly string[],
): Promise<{ tenantId: string; agentId: string; running: number }[]> {
  const { rows } = await sql<{ tenant_id: string; agent_id: string; running: number }>`
    select tenant_id, agent_id, count(*)::int as running from leases
    where tenant_id = any(${[...tenantIds]}::text[]) group by 1, 2`.execute(db);
  return rows.map((row) => ({ tenantId: row.tenant_id, agentId: row.agent_id, running: row.running }));
}
