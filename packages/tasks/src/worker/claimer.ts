import type { Database } from '@reeve/db';
import { roomUnder } from '../limits/limit.ts';
import { claimReady, countLeases, lookAtQueue, type Claimed, type Lane, type Want } from '../queue/store/claim.ts';
import { lockFreeLimits, type Limit } from '../limits/store.ts';

/*
 * What one process claims next. The ready tasks lie in lanes, one for each agent of each tenant; a claim asks every tenant
 * in turn for an equal share of the room there is, so that no backlog, however long, keeps another tenant waiting. What is
 * known of the lanes (which there are, from which rank on they are not empty) is remembered for a second at most: it
 * only saves looking at what is gone, and what it says wrongly is found out by then.
 */
export interface Claimer {
  /** Claims up to `room` tasks; `withQuarantined`: also one of those that were in progress when workers died. */
  claim(room: number, withQuarantined: boolean): Promise<Claimed[]>;
  /** Whether the last claim left a tenant out because another claimer was at its limits: there may be more in a moment. */
  readonly contended: boolean;
  /** Something may be ready in a lane that is not known yet. */
  look(): void;
  /** The next claim is to go by what is there now, at the price of a look. */
  forget(): void;
  /** Whether a tenant has a limit, so that the end of one of its tasks may let others start. */
  isLimited(tenantId: string): boolean;
}

/** How long lanes, limits and cursors are remembered, in milliseconds; after a wake-up, at least how long. */
const KNOWN_MS = 1_000;
const KNOWN_AFTER_WAKE_MS = 50;
/** Tenants that one claim asks, and lanes that are remembered of a look. */
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
    // Where there are more than can be remembered, the next look goes on behind them.
    const after = lanes.length < LANES ? undefined : lanes.at(-1);
    ({ lanes, limits } = await lookAtQueue(database.queue, after, LANES));
  }

  /** Shares the room out between the tenants whose turn it is. */
  function plan(room: number, withQuarantined: boolean): Want[] {
    const open = lanes.filter((lane) => !lane.quarantined);
    const quarantined = withQuarantined ? lanes.filter((lane) => lane.quarantined) : [];
    // Another one each time: the first may be at its limit for ever.
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

  /** Asks the tenants whose turn it is; `all`: one after another until one gives something, since those at their limit do not. */
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

/** Two lanes of one agent share its limit: the withQuarantined go first, since there is but one of them. */
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
