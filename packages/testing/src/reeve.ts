import { join } from 'node:path';
import { silentLog, type Log } from '@reeve/kit';
import { readConfig, startReeve as start, type Reeve as Started } from '@reeve/server';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** A whole Reeve in this process, on a free port. */
export interface Reeve extends Omit<Started, 'url'> {
  readonly url: string;
}

/**
 * Starts Reeve on this database, else on an empty one, with these settings, by variable, and none of the environment's; disposing
 * stops it and removes the database.
 */
export async function startReeve(
  settings: Readonly<Record<string, string>> = {},
  database?: TestDatabase,
  log: Log = silentLog,
): Promise<Reeve> {
  const place = database ?? (await createTestDatabase());
  const environment = {
    REEVE_HOST: '127.0.0.1',
    REEVE_PORT: '0',
    SANDBOX_PORT: 'off',
    MEMORY_PORT: 'off',
    BODY_REFRESH_S: '0',
    REEVE_DATA_DIR: join(place.dataDirectory, 'data'),
    ...(place.url !== undefined && { DATABASE_URL: place.url }),
    ...settings,
  };
  const { config } = readConfig({}, { environment, directory: place.dataDirectory });
  const reeve = await start({ config, log, command: 'test', serve: true });
  return {
    ...reeve,
    url: reeve.url!,
    async [Symbol.asyncDispose]() {
      await reeve[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}
