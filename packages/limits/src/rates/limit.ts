import { hash } from 'node:crypto';
import type { ComponentHealth } from '@reeve/contract';
import type { Database } from '@reeve/db';
import type { Limit, Limited, Principal } from '@reeve/http';
import { counter, ReeveError, type ConfigOf, type Log } from '@reeve/kit';
import { rateOf, type limitSettings, type Rate } from '../config.ts';
import { openMemoryStore } from './memory.ts';
import { openRateStore } from './store.ts';
import { createWindows, type Ask, type Taken } from './window.ts';
import type { Policies } from '../policy/open.ts';

/*
 * Limits on requests: of each caller, and of each tenant that has one.
 *
 *   counting ──the store can't be reached──► away ──a batch is counted again──► counting
 *
 * While the store is away only one batch a second asks it. Meanwhile a tenant whose policy fails open has a fair share of its
 * limits, counted in this process; any other is refused.
 */

/** Holds the limits on requests. */
export interface RequestLimiter extends AsyncDisposable {
  /** For the HTTP application. Never rejects: what is wrong is its `refused`, `rate_limited` or `unavailable`. */
  readonly limit: Limit;
  /** Where requests are counted, and whether it can be reached. */
  health(): ComponentHealth;
}

export interface LimiterParts {
  readonly config: Pick<ConfigOf<typeof limitSettings>, 'rateLimit' | 'redisUrl'>;
  readonly database: Database;
  readonly policies: Pick<Policies, 'of'>;
  readonly log: Log;
  /** How many gateways share the store, where that is known; else two are assumed while it is away. */
  readonly gateways?: () => number | undefined;
}

/** Of each caller where nothing is configured, but for the one of development mode, who is whoever is at this machine. */
const USUAL: Rate = { count: 600, windowS: 60 };
const RETRY_MS = 1_000;
const MOST_NAME = 150;
const WHERE = {
  memory: 'counted in this process',
  postgres: 'counted in the database',
  redis: 'counted in Redis',
} as const;

const refusals = counter('reeve_rate_limited_requests_total', 'Requests refused by a limit, by whose it is.', ['of']);
const losses = counter('reeve_rate_store_losses_total', 'Times that the store of rate limits went out of reach.', [
  'store',
]);
const shared = counter(
  'reeve_rate_store_away_requests_total',
  'Requests that met a store of rate limits out of reach: counted in this process, or refused.',
  ['outcome'],
);

/** Opens the store of limits, without waiting for it, and holds limits by it. */
export function createRequestLimiter({ config, database, policies, log, gateways }: LimiterParts): RequestLimiter {
  const configured = config.rateLimit === undefined ? undefined : rateOf(config.rateLimit);
  const store = openRateStore(config.redisUrl, database, log);
  const takeShared = createWindows(store);
  const takeHere = createWindows(openMemoryStore());
  let isAway = false;
  let askAgainAt = 0;

  /** Undefined while the store is away. */
  async function takeOf(ask: Ask): Promise<Taken | undefined> {
    if (isAway) {
      if (performance.now() < askAgainAt) return undefined;
      askAgainAt = performance.now() + RETRY_MS;
    }
    try {
      const taken = await takeShared(ask);
      if (isAway) log.info({ store: store.kind }, 'the store of rate limits can be reached again');
      isAway = false;
      return taken;
    } catch (error) {
      if (!isAway) {
        losses.inc({ store: store.kind });
        log.warn({ err: error, store: store.kind }, 'the store of rate limits cannot be reached');
      }
      isAway = true;
      askAgainAt = performance.now() + RETRY_MS;
      return undefined;
    }
  }

  function takeShare(ask: Ask): Promise<Taken> {
    const others = Math.max(1, gateways?.() ?? 2);
    return takeHere({ ...ask, limit: Math.max(1, Math.floor(ask.limit / others)) });
  }

  return {
    async limit(who) {
      const policy = await policies.of(who.tenantId);
      const taken: Taken[] = [];
      for (const ask of asksOf(who, configured, policy.requestsPerMinute)) {
        let one = await takeOf(ask);
        if (one === undefined) {
          shared.inc({ outcome: policy.failOpen ? 'counted_here' : 'refused' });
          if (!policy.failOpen) return { headers: headersOf(taken), refused: outOfReach() };
          one = await takeShare(ask);
        }
        taken.push(one);
        if (!one.allowed) {
          const of = ask.key === TENANT ? 'tenant' : 'caller';
          refusals.inc({ of });
          return { headers: headersOf(taken), refused: refusalOf(one, of) };
        }
      }
      return { headers: headersOf(taken) };
    },
    health: () =>
      isAway
        ? { status: 'degraded', message: `${WHERE[store.kind]}, which cannot be reached` }
        : { status: 'ok', message: WHERE[store.kind] },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

const TENANT = 'tenant';

/** The caller's own limit first: what it refuses is not counted for its tenant. */
function asksOf(who: Principal, configured: Rate | 'off' | undefined, perMinute: number | null): Ask[] {
  const { tenantId } = who;
  const rate = configured ?? (who.via === 'development' ? 'off' : USUAL);
  const asks: Ask[] = [];
  if (rate !== 'off') asks.push({ tenantId, key: callerKey(who), limit: rate.count, windowS: rate.windowS });
  if (perMinute !== null) asks.push({ tenantId, key: TENANT, limit: perMinute, windowS: 60 });
  return asks;
}

/** A caller has one limit whatever secret its key has at the time. Names come from outside, so long ones are digested. */
function callerKey({ userId, keyId, via }: Principal): string {
  const name = keyId === undefined ? `user:${via}:${userId}` : `key:${keyId}`;
  return name.length <= MOST_NAME ? name : `digest:${hash('sha256', name)}`;
}

/** The limit that has the least room left tells of itself; the policy names all. */
function headersOf(taken: readonly Taken[]): Limited['headers'] {
  const [tightest] = [...taken].sort((a, b) => a.remaining - b.remaining || b.endsInMs - a.endsInMs);
  if (tightest === undefined) return {};
  return {
    'ratelimit-limit': String(tightest.limit),
    'ratelimit-remaining': String(tightest.remaining),
    'ratelimit-reset': String(seconds(tightest.endsInMs)),
    'ratelimit-policy': taken.map(({ limit, windowS }) => `${limit};w=${windowS}`).join(', '),
  };
}

function refusalOf({ limit, windowS, endsInMs }: Taken, of: 'tenant' | 'caller'): ReeveError {
  const whose = of === 'tenant' ? 'your tenant' : 'you';
  const message = `${whose} may send ${limit} requests in ${windowS} s; try again in ${seconds(endsInMs)} s`;
  return new ReeveError('rate_limited', message, { retryAfterMs: Math.max(1, endsInMs) });
}

function outOfReach(): ReeveError {
  return new ReeveError(
    'unavailable',
    'the limits on requests cannot be looked at just now, and your tenant does not work without',
    {
      retryAfterMs: RETRY_MS,
    },
  );
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
