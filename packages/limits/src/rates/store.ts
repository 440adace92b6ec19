import type { Database } from '@reeve/db';
import type { Log } from '@reeve/kit';
import type { RateStore } from './count.ts';
import { openMemoryStore } from './memory.ts';
import { openPostgresStore } from './postgres.ts';
import { openRedisStore } from './redis.ts';

/** Redis where it is configured, else the database; beside the embedded one this process, the only one there is. Does not wait for it. */
export function openRateStore(redisUrl: string | undefined, database: Database, log: Log): RateStore {
  if (redisUrl !== undefined) return openRedisStore(redisUrl, log);
  return database.kind === 'postgres' ? openPostgresStore(database, log) : openMemoryStore();
}
