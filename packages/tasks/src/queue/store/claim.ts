import { runText, type Db } from '@reeve/db';
import { sql } from 'kysely';
import type { Limit } from '../../limits/store.ts';
import type { Claim, ClaimedTask } from '../task.ts';

/** A part of the ready tasks that is claimed by itself: an agent's of one tenant. */
export interface Lane {
  readonly tenantId: string;
  /** The agent, after a `~` where it holds tasks whose worker fell silent. */
  readonly lane: string;
}

/** What to take of a lane. */
export interface Want extends Lane {
  /** Ranks below it are known to be gone. */
  readonly fromRank: number;
  readonly limit: number;
  /** Most to take of the tenant, over all its lanes. */
  readonly share: number;
}

/** A claim made from the ready tasks, and where it stood among them. */
export interface Claimed extends Claim {
  readonly lane: string;
  readonly rank: number;
}

/** What there is to claim, and how much of it may be in progress. */
export interface Look {
  readonly lanes: Lane[];
  readonly limits: Limit[];
}

/**
 * Looks at the lanes behind one (undefined: from the first) that hold ready tasks, by stepping from one to the next: their length
 * costs nothing. And at every limit.
 */
export async function lookAtQueue(db: Db, after: Lane | undefined, most: number): Promise<Look> {
  const { rows } = await sql<{ tenant_id: string; lane: string; max_running: number | null }>`
    with recursive lanes as (
      (select tenant_id, lane from ready_tasks where (tenant_id, lane) > (${after?.tenantId ?? ''}, ${after?.lane ?? ''}) order by tenant_id, lane limit 1)
      union all
      select n.tenant_id, n.lane from lanes l cross join lateral (
        select tenant_id, lane from ready_tasks where (tenant_id, lane) > (l.tenant_id, l.lane) order by tenant_id, lane limit 1) n
    )
    (select tenant_id, lane, null::int as max_running from lanes limit ${most})
    union all
    select tenant_id, agent_id, least(max_running, policy_max) from concurrency_limits`.execute(db);
  const look: Look = { lanes: [], limits: [] };
  for (const { tenant_id: tenantId, lane, max_running: maxRunning } of rows)
    if (maxRunning === null) look.lanes.push({ tenantId, lane });
    else look.limits.push({ tenantId, agentId: lane, maxRunning });
  return look;
}

/**
 * Claims ready tasks of these lanes by rank, at most its share of each tenant; two claimers never get the same one. Rows of
 * ready_tasks are never updated, so picking them by ctid is safe.
 */
export async function claimReady(db: Db, owner: string, leaseMs: number, wants: readonly Want[]): Promise<Claimed[]> {
  const rows = await runText<ClaimedRow>(db, CLAIM, [JSON.stringify(wants.map(toRow)), owner, leaseMs]);
  return rows.map(({ lane, rank, epoch, attempt, ...task }) => ({ task, lane, rank, epoch, attempt }));
}

type ClaimedRow = ClaimedTask & Omit<Claimed, 'task'>;

const CLAIM = `
  with wanted as materialized (
    select * from json_to_recordset($1::json) as w (tenant_id text, lane text, from_rank bigint, most int, share int)
  ), picked as (
    delete from ready_tasks where ctid = any(array(
      select c.place from (select distinct tenant_id, share from wanted) t cross join lateral (
        select r.place from wanted w cross join lateral (
          select ctid as place, rank, task_id from ready_tasks
          where tenant_id = w.tenant_id and lane = w.lane and rank >= w.from_rank
          order by rank, task_id limit w.most for update skip locked) r
        where w.tenant_id = t.tenant_id order by r.rank, r.task_id limit t.share) c))
    returning lane, rank, task_id
  ), taken as materialized (
    select p.lane, p.rank, t.id, t.tenant_id, t.agent_id, t.title, t.description, t.payload, t.priority, t.max_attempts, t.session_id,
      t.trace_id, t.created_by_user_id, t.attempts + 1 as attempt, nextval('lease_epochs') as epoch, reeve_now() as at
    from picked p join tasks t on t.id = p.task_id and t.status = 'pending'
  ), leased as (
    insert into leases (task_id, tenant_id, agent_id, epoch, owner, attempt, started_at, expires_at)
    select id, tenant_id, agent_id, epoch, $2::text, attempt, at, at + $3::float8 * interval '1 ms' from taken
  ), told as (
    insert into journal (tenant_id, type, agent_id, task_id, session_id, trace_id, summary)
    select tenant_id, 'task_started', agent_id, id, session_id, trace_id, 'started' from taken
  )
  select lane, rank, epoch, attempt, id, tenant_id as "tenantId", agent_id as "agentId", title, description, payload, priority,
    max_attempts as "maxAttempts", session_id as "sessionId", trace_id as "traceId", created_by_user_id as "createdBy"
  from taken order by rank, id`;

function toRow({ tenantId, lane, fromRank, limit, share }: Want) {
  return { tenant_id: tenantId, lane, from_rank: fromRank, most: limit, share };
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
