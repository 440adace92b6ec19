import { createClient } from '@redis/client';
import type { Log } from '@reeve/kit';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { countBy, countedWithin, UNLIMITED, type RateStore } from './count.ts';

/** How long a command may take. */
const COMMAND_MS = 250;
const CONNECT_MS = 2_000;
const MOST_RECONNECT_MS = 2_000;

/**
 * Counts in Redis, by its clock. Connects in the background, again and again while it is away; until then, and where a command
 * takes longer than a quarter of a second, counting fails at once.
 */
export function openRedisStore(url: string, log: Log): RateStore {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandOptions: { timeout: COMMAND_MS },
    socket: {
      connectTimeout: CONNECT_MS,
      reconnectStrategy: (retries) => Math.min(MOST_RECONNECT_MS, 50 * 2 ** Math.min(retries, 10)),
    },
  });
  // Each failed attempt tells of itself; once is enough.
  let isAway = false;
  client.on('error', (error: unknown) => {
    if (!isAway) log.warn({ err: error }, 'Redis cannot be reached; connecting again');
    isAway = true;
  });
  client.on('ready', () => (isAway = false));
  // Never fails while it may connect again, and is given up by closing.
  const connecting = client.connect().catch(() => undefined);
  const limiter = new RateLimiterRedis({
    ...UNLIMITED,
    storeClient: client,
    useRedisPackage: true,
    rejectIfRedisNotReady: true,
    keyPrefix: 'reeve:rate',
  });
  const add = countBy(limiter);
  return {
    kind: 'redis',
    // The client's own patience ends when a command is sent, not when it is answered.
    add: (entries) => countedWithin(COMMAND_MS, add(entries)),
    async [Symbol.asyncDispose]() {
      client.destroy();
      await connecting;
    },
  };
}
