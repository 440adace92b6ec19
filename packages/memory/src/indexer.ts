import { inTenant, startRounds, type Database, type Db, type RoundOptions } from '@reeve/db';
import type { Log } from '@reeve/kit';
import { sql } from 'kysely';
import { removeUnreferencedVersions } from './knowledge/versions.ts';
import { removeSpaces } from '@reeve/retrieval';
import { indexNextMemories, removeNextExpired } from './memory-index.ts';
import { indexNextMessages } from './message-index.ts';
import { renewSpaces } from './renewal.ts';

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

/**
 * Indexes all that is not, and removes what nobody has any more, some of it a transaction. What fails for a tenant is left to the next
 * time, and hinders no other.
 */
export async function indexMemory({ db }: Pick<Database, 'db'>, log: Log, signal: AbortSignal): Promise<void> {
  await renewSpaces(db, log, signal);
  const { rows } = await sql<{ work: Work; tenant_id: string }>`
    select distinct 'messages' as work, tenant_id from sessions where message_count > indexed_until
    union all select distinct 'memories', tenant_id from memories where not indexed
    union all select distinct 'expired memories', tenant_id from memories where expires_at <= reeve_now()
    union all select distinct 'removed spaces', tenant_id from removed_spaces
    union all select distinct 'unreferenced versions', tenant_id from unreferenced_versions where held_until <= reeve_now()`.execute(
    db,
  );
  for (const { work, tenant_id: tenantId } of rows)
    try {
      while (!signal.aborted && (await WORK[work](db, tenantId, signal)));
    } catch (error) {
      log.warn({ err: error, tenant_id: tenantId, work }, 'keeping the index of memory failed; trying again');
    }
}

type Work = 'messages' | 'memories' | 'expired memories' | 'removed spaces' | 'unreferenced versions';

/** Does some of it for a tenant, and answers whether there may be more. */
const WORK: Readonly<Record<Work, (db: Db, tenantId: string, signal: AbortSignal) => Promise<boolean>>> = {
  messages: (db, tenantId) => inTenant(db, tenantId, (tx) => indexNextMessages(tx, tenantId)),
  memories: indexNextMemories,
  'expired memories': removeNextExpired,
  'removed spaces': async (db, tenantId, signal) => {
    await removeSpaces(db, { tenantId, signal });
    return false;
  },
  'unreferenced versions': async (db, tenantId, signal) => {
    await removeUnreferencedVersions(db, { tenantId, signal });
    return false;
  },
};
