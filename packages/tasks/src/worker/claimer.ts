import type { Database } from '@reeve/db';
import { roomUnder } from '../limits/limit.ts';
import { claimReady, countLeases, lookAtQueue, type Claimed, type Lane, type Want } from '../queue/store/claim.ts';
import { lockFreeLimits, type Limit } from '../limits/store.ts';

/*
 * Chooses the tasks that one process claims. Ready tasks lie in lanes, one for each agent of each tenant. A claim takes an equal share
 * from each tenant in turn, so that no backlog keeps another tenant waiting. The lanes, and the rank below which each is known to be
 * empty, are cached for a second at most: the cache saves index reads, and a stale entry costs that second.
 */
export interface Claimer {
  /** Claims up to `room` tasks; `withQuarantined`: one quarantined task among them. */
  claim(room: number, withQuarantined: boolean): Promise<Claimed[]>;
  /** Whether the last claim skipped a tenant because another claimer had locked its limits: worth another look soon. */
  readonly contended: boolean;
  /** A lane that is not cached may have ready tasks. */
  look(): void;
  /** Drops the cache. */
  forget(): void;
  /** Whether a tenant has a limit, so that the end of one of its tasks may let others start. */
  isLimited(tenantId: string): boolean;
}

/** How long lanes, limits and cursors are cached, in milliseconds; after a notification, at least how long. */
const KNOWN_MS = 1_000;
const KNOWN_AFTER_WAKE_MS = 50;
/** Most tenants of one claim, and most cached lanes. */
const TENANTS = 64;
const LANES = 10_000;

export function createClaimer(database: Database, owner: string, leaseMs: number): Claimer {
  let lanes: Lane[] = [];
  let limits: Limit[] = [];
  let cursors = new Map<string, number>();
  let knownAt = -Infinity;
  let lookAgain = true;
  let turn = 0;
  let quarantineTurn = 0;
  let contended = false;

  async function refresh(): Promise<void> {
    lookAgain = false;
    knownAt = performance.now();
    cursors = new Map();
    // When there are more than the cache holds, the next look goes on behind them.
    const after = lanes.length < LANES ? undefined : lanes.at(-1);
    ({ lanes, limits } = await lookAtQueue(database.queue, after, LANES));
  }

  /** Divides the room between the tenants whose turn it is. */
  function plan(room: number, withQuarantined: boolean): Want[] {
    const open = lanes.filter((lane) => !lane.quarantined);
    const quarantined = withQuarantined ? lanes.filter((lane) => lane.quarantined) : [];
    // Another one each time: the first may stay at its limit.
    const isolated = quarantined[quarantineTurn++ % quarantined.length];
    const tenants = [...new Set([...open, ...(isolated ? [isolated] : [])].map(({ tenantId }) => tenantId))];
    const asked = Math.min(tenants.length, TENANTS, room);
    const wants: Want[] = [];
    for (let index = 0; index < asked; index++) {
      const tenantId = tenants[(turn + index) % tenants.length]!;
      const share = Math.floor(room / asked) + (index < room % asked ? 1 : 0);
      for (const lane of open)
        if (lane.tenantId === tenantId)
          wants.push({ ...lane, fromRank: cursors.get(keyOf(lane)) ?? -(2 ** 53), limit: share, share });
      if (isolated?.tenantId === tenantId) wants.push({ ...isolated, fromRank: -(2 ** 53), limit: 1, share });
    }
    turn = tenants.length === 0 ? 0 : (turn + asked) % tenants.length;
    return wants;
  }

  async function take(wants: readonly Want[]): Promise<Claimed[]> {
    const bounded = new Set(limits.map(({ tenantId }) => tenantId));
    const limited = [...new Set(wants.map(({ tenantId }) => tenantId))].filter((tenantId) => bounded.has(tenantId));
    contended = false;
    if (limited.length === 0) return claimReady(database.queue, owner, leaseMs, wants);
    return database.queue.transaction().execute(async (tx) => {
      const locked = await lockFreeLimits(tx, limited);
      const leases = await countLeases(tx, limited);
      const within = wants.flatMap((want) => {
        if (!bounded.has(want.tenantId)) return [want];
        const own = locked.filter(({ tenantId }) => tenantId === want.tenantId);
        if (own.length < limits.filter(({ tenantId }) => tenantId === want.tenantId).length) {
          contended = true;
          return [];
        }
        const room = roomUnder(
          own,
          leases.filter(({ tenantId }) => tenantId === want.tenantId),
        );
        const limit = Math.min(want.limit, room.agents.get(want.agentId) ?? Infinity);
        const share = Math.min(want.share, room.tenant);
        return limit > 0 && share > 0 ? [{ ...want, limit, share }] : [];
      });
      return within.length === 0 ? [] : claimReady(tx, owner, leaseMs, oneLanePerAgent(within, locked));
    });
  }

  /** Claims from the tenants whose turn it is; `all`: until one yields a task, since tenants at their limit yield none. */
  async function attempt(room: number, withQuarantined: boolean, all: boolean): Promise<Claimed[]> {
    const tenants = new Set(lanes.map(({ tenantId }) => tenantId)).size;
    for (let asked = 0; asked < tenants;) {
      const wants = plan(room, withQuarantined);
      if (wants.length === 0) break;
      const claimed = await take(wants);
      for (const { task, quarantined, rank } of claimed) cursors.set(keyOf({ ...task, quarantined }), rank);
      if (claimed.length > 0 || !all) return claimed;
      asked += new Set(wants.map(({ tenantId }) => tenantId)).size;
    }
    return [];
  }

  return {
    get contended() {
      return contended;
    },
    look: () => void (lookAgain = true),
    forget: () => void (knownAt = -Infinity),
    isLimited: (tenantId) => limits.some((limit) => limit.tenantId === tenantId),
    async claim(room, withQuarantined) {
      const age = performance.now() - knownAt;
      const fresh = age > KNOWN_MS || (lookAgain && age > KNOWN_AFTER_WAKE_MS);
      if (fresh) await refresh();
      const claimed = await attempt(room, withQuarantined, fresh);
      if (claimed.length > 0 || (fresh && !lookAgain)) return claimed;
      await refresh();
      return attempt(room, withQuarantined, true);
    },
  };
}

/** The two lanes of an agent share its limit: the quarantined one goes first, since it yields one task only. */
function oneLanePerAgent(wants: readonly Want[], limits: readonly Limit[]): Want[] {
  return wants.filter(
    (want) =>
      want.quarantined ||
      !limits.some(({ tenantId, agentId }) => tenantId === want.tenantId && agentId === want.agentId) ||
      !wants.some((other) => other.quarantined && other.tenantId === want.tenantId && other.agentId === want.agentId),
  );
}

function keyOf({ tenantId, agentId, quarantined }: Lane): string {
  return `${tenantId} ${agentId} ${quarantined}`;
}
