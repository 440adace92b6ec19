import { join } from 'node:path';
import type { Log } from '@reeve/kit';
import type { Database } from './database.ts';
import type { Prepared } from './pipelined-pool.ts';

export interface DatabaseOptions {
  /** A postgres:// URL; without one the embedded database in the data directory is opened. */
  readonly url: string | undefined;
  /** Where notifications are listened for, and migrations run; undefined: at `url`. */
  readonly directUrl?: string | undefined;
  readonly pool: number;
  /** Whether statements on PostgreSQL are prepared; default `auto`. */
  readonly prepared?: Prepared;
  readonly dataDirectory: string;
  readonly log: Log;
}

/** Opens the database of the configuration, migrated. The data directory must be locked already where it is embedded. */
export async function openDatabase({
  url,
  directUrl,
  pool,
  prepared = 'auto',
  dataDirectory,
  log,
}: DatabaseOptions): Promise<Database> {
  if (url !== undefined) {
    const { openPostgres } = await import('./postgres.ts');
    return openPostgres({ url, directUrl, pool, prepared, log });
  }
  const { restoreSnapshot } = await import('./snapshot.ts');
  const { openPglite } = await import('./pglite.ts');
  const directory = join(dataDirectory, 'db');
  await restoreSnapshot(directory);
  return openPglite(directory);
}
