import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { lockDataDirectory } from './lock.ts';
import { listMigrations, migrate, pendingMigrations, type RunSql } from './migrate.ts';
import type { Pooler } from './pooler.ts';
import { restoreSnapshot } from './snapshot.ts';
import { openStartConnection } from './start-connection.ts';
import { findVectors, type VectorSupport } from './vectors.ts';

/** A database seen without opening it for work, which would migrate it. */
export interface SchemaLook {
  readonly database: 'embedded' | 'postgres';
  /** False where the embedded database is yet to be made. */
  readonly exists: boolean;
  /** Migrations that were not applied when this looked. */
  readonly pending: string[];
  /** Of those, the ones that this call applied. */
  readonly applied: string[];
  /** Whether it compares vectors itself. Undefined for the embedded database, which does from its next start on. */
  readonly vectors?: VectorSupport;
  /** What stands between this process and PostgreSQL. */
  readonly pooler?: Pooler;
}

/**
 * Looks at the schema of the configured database, and brings it up to date where `apply`. The embedded one is held meanwhile.
 * Throws `conflict` where another process has it, or where a newer program migrated it; `unavailable` where PostgreSQL
 * cannot be reached.
 */
export async function lookAtSchema(
  config: {
    readonly databaseUrl?: string | undefined;
    readonly databaseDirectUrl?: string | undefined;
    readonly dataDirectory: string;
  },
  apply: boolean,
): Promise<SchemaLook> {
  if (config.databaseUrl !== undefined) return lookAtPostgres(config.databaseUrl, config.databaseDirectUrl, apply);
  const dataDirectory = resolve(config.dataDirectory);
  const directory = join(dataDirectory, 'db');
  if (!existsSync(directory) && !apply)
    return { database: 'embedded', exists: false, pending: listMigrations().map(({ name }) => name), applied: [] };
  using _ = lockDataDirectory(dataDirectory, 'migrate');
  if (!existsSync(directory)) {
    await restoreSnapshot(directory);
    const all = listMigrations().map(({ name }) => name);
    return { database: 'embedded', exists: false, pending: all, applied: all };
  }
  return { database: 'embedded', exists: true, ...(await withEmbedded(directory, (run) => look(run, apply))) };
}

async function lookAtPostgres(url: string, directUrl: string | undefined, apply: boolean): Promise<SchemaLook> {
  await using start = await openStartConnection({ url, directUrl });
  return {
    database: 'postgres',
    exists: true,
    ...(await look(start.run, apply)),
    vectors: await findVectors(start.run),
    ...(start.pooler && { pooler: start.pooler }),
  };
}

async function look(run: RunSql, apply: boolean): Promise<Pick<SchemaLook, 'pending' | 'applied'>> {
  const pending = (await pendingMigrations(run)).map(({ name }) => name);
  return { pending, applied: apply ? await migrate(run) : [] };
}

async function withEmbedded<T>(directory: string, work: (run: RunSql) => Promise<T>): Promise<T> {
  const { PGlite } = await import('@electric-sql/pglite');
  const pglite = await PGlite.create(directory);
  try {
    await pglite.exec('set client_min_messages = warning');
    return await work(async (text) => (await pglite.exec(text)).at(-1)?.rows ?? []);
  } finally {
    await pglite.close();
  }
}
