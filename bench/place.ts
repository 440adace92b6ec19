import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@reeve/testing';
import type { BenchOptions } from './measure.ts';

/** What a benchmark measures on. */
export type Kind = 'pglite' | 'postgres';

/** The embedded database always, PostgreSQL where one was named. */
export function kindsOf({ databaseUrl }: BenchOptions): Kind[] {
  return databaseUrl === undefined ? ['pglite'] : ['pglite', 'postgres'];
}

/** An empty database of that kind: on PostgreSQL one of its own in the server that was named. Disposing removes it. */
export async function createPlace(kind: Kind): Promise<TestDatabase> {
  if (kind === 'postgres') return createTestDatabase();
  const dataDirectory = await mkdtemp(join(tmpdir(), 'reeve-bench-'));
  return {
    url: undefined,
    dataDirectory,
    [Symbol.asyncDispose]: () => rm(dataDirectory, { recursive: true, force: true }),
  };
}
