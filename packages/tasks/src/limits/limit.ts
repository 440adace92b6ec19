import { recordAudit, recordJournal } from '@reeve/audit';
import type { ConcurrencyLimit } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import type { Requester } from '../queue/requester.ts';
import { countLeases } from '../queue/store/claim.ts';
import type { NewTask } from '../queue/store/insert.ts';
import { insertLease } from '../queue/store/lease.ts';
import { deleteLimit, lockLimitsOf, selectLimitsOf, replacePolicyLimits, upsertLimit, type Limit } from './store.ts';
import { insertReady } from '../queue/store/ready.ts';

/*
 * Limits on the tasks of a tenant, or of one of its agents, that are in progress at once. Leases are few, so a claim counts them
 * instead of maintaining a counter. A claimer locks the tenant's limits and then counts in a new statement, so that no other claimer
 * of the tenant is between its count and its claim.
 */

/** How many more tasks of a tenant may start: in all, and of each agent that has a limit of its own. */
export interface Room {
  readonly tenant: number;
  readonly agents: ReadonlyMap<string, number>;
}

/** The room under a tenant's limits, which the caller has locked. */
export function roomUnder(limits: readonly Limit[], leases: readonly { agentId: string; running: number }[]): Room {
  const running = leases.reduce((sum, lease) => sum + lease.running, 0);
  const whole = limits.find(({ agentId }) => agentId === '');
  const agents = new Map(
    limits
      .filter(({ agentId }) => agentId !== '')
      .map(({ agentId, maxRunning }) => {
        const busy = leases.find((lease) => lease.agentId === agentId)?.running ?? 0;
        return [agentId, Math.max(0, maxRunning - busy)];
      }),
  );
  return { tenant: whole === undefined ? Infinity : Math.max(0, whole.maxRunning - running), agents };
}

/** Leases a new task to its maker and returns the epoch when the limits leave room; else makes it ready and returns null. */
export async function claimLimited(tx: Tx, task: NewTask, owner: string, leaseMs: number): Promise<number | null> {
  const limits = await lockLimitsOf(tx, task.tenantId);
  const room = roomUnder(limits, await countLeases(tx, [task.tenantId]));
  if (Math.min(room.tenant, room.agents.get(task.agentId) ?? Infinity) < 1) {
    await insertReady(tx, [task]);
    return null;
  }
  const epoch = await insertLease(tx, task, owner, leaseMs);
  await recordJournal(tx, [
    {
      tenantId: task.tenantId,
      type: 'task_started',
      agentId: task.agentId,
      taskId: task.id,
      traceId: task.traceId,
      summary: 'started',
    },
  ]);
  return epoch;
}

/** Sets how many tasks may run at once; null removes the limit. Returns all of the tenant's limits. */
export async function setLimit(
  database: Database,
  requester: Requester,
  agentId: string | null,
  maxRunning: number | null,
): Promise<ConcurrencyLimit[]> {
  const limits = await inTenant(database.db, requester.tenantId, async (tx) => {
    if (maxRunning === null) await deleteLimit(tx, requester.tenantId, agentId ?? '');
    else await upsertLimit(tx, requester.tenantId, agentId ?? '', maxRunning);
    await recordAudit(tx, [
      {
        ...requester,
        actor: requester.userId,
        action: 'LIMIT_CHANGED',
        details: { agent_id: agentId, max_running: maxRunning },
      },
    ]);
    return selectLimitsOf(tx, requester.tenantId);
  });
  database.notify('reeve_tasks', '');
  return limits.map(shownLimit);
}

/** Replaces the limits that the policies of tenants set. */
export async function setPolicyLimits(
  database: Database,
  limits: readonly { readonly tenantId: string; readonly max: number }[],
): Promise<void> {
  await replacePolicyLimits(database.db, limits);
  database.notify('reeve_tasks', '');
}

/** A limit as the API shows it. */
export function shownLimit({ agentId, maxRunning }: Limit): ConcurrencyLimit {
  return { agent_id: agentId === '' ? null : agentId, max_running: maxRunning };
}
