import { inTenant, type Database } from '@reeve/db';
import type { Log } from '@reeve/kit';
import { sql } from 'kysely';
import { indexNextMemories, removeNextExpired } from './memory-index.ts';
import { indexNextMessages } from './message-index.ts';
import { renewSpaces } from './renewal.ts';
import { startRounds, type RoundOptions } from './rounds.ts';

/*
 * One process's share in indexing what is not indexed where it is written. Any number may run: a tenant's space is worked on by one
 * at a time, and how far it is filled changes with what is in it.
 *
 *   asleep ──the journal has news, five seconds──► index batches until nothing is left ──pause──► asleep
 *
 * What is left to do can be read from the tables, by an index that is empty when nothing is; so a process that dies loses nothing.
 */

/** Indexes messages behind the commits, and memories of before there was an index, in the background, until disposed. */
export function startMemoryIndexer(database: Database, log: Log, options?: RoundOptions): AsyncDisposable {
  const round = (signal: AbortSignal) => indexMemory(database, log, signal);
  return startRounds(database, log, { name: 'the indexer of memory', round }, options);
}

/** Indexes all that is not, and removes memories whose time is over, a batch a transaction. A tenant whose messages fail is left to the next time. */
export async function indexMemory(database: Database, log: Log, signal: AbortSignal): Promise<void> {
  const { db } = database;
  await renewSpaces(db, signal);
  const { rows: tenants } = await sql<{ tenant_id: string }>`
    select distinct tenant_id from sessions where message_count > indexed_until`.execute(db);
  for (const { tenant_id: tenantId } of tenants)
    try {
      while (!signal.aborted && (await inTenant(db, tenantId, (tx) => indexNextMessages(tx, tenantId))));
    } catch (error) {
      log.warn({ err: error, tenant_id: tenantId }, 'indexing messages failed; trying again');
    }
  while (!signal.aborted && (await indexNextMemories(db)));
  while (!signal.aborted && (await removeNextExpired(db)));
}
