import { inTenant, type Db, type Tx } from '@reeve/db';
import { sql } from 'kysely';
import { indexTexts, lockSpace, unindexTexts } from '@reeve/retrieval';
import { deleteExpired, selectExpired } from './memory-store.ts';
import { memoryText } from './memory.ts';
import { ensureSpace } from './spaces.ts';

/*
 * Memories are indexed where they are stored; here are those of before there was an index, those whose index was emptied, and those
 * whose time is over.
 */

/** Memories of one transaction. */
const BATCH = 100;

/** Indexes some memories of a tenant that are not yet, of one persona. Answers whether there were any. */
export async function indexNextMemories(db: Db, tenantId: string): Promise<boolean> {
  const { rows } = await sql<{ persona_id: string | null }>`
    select persona_id from memories where not indexed and tenant_id = ${tenantId} limit 1`.execute(db);
  const [one] = rows;
  if (one === undefined) return false;
  const { persona_id: personaId } = one;
  await inTenant(db, tenantId, async (tx) => {
    const space = await ensureSpace(tx, { tenantId, personaId, kind: 'memory' });
    await lockSpace(tx, space);
    const memories = await takeUnindexed(tx, tenantId, personaId);
    await indexTexts(
      tx,
      space,
      memories.map(({ id, text }) => memoryText(id, text)),
    );
  });
  return true;
}

/** Deletes some expired memories of one persona of a tenant, with their index entries. Returns whether there were any. */
export async function removeNextExpired(db: Db, tenantId: string): Promise<boolean> {
  const whose = await selectExpired(db, tenantId);
  if (whose === undefined) return false;
  await inTenant(db, whose.tenantId, async (tx) => {
    const space = await ensureSpace(tx, { ...whose, kind: 'memory' });
    await lockSpace(tx, space);
    await unindexTexts(tx, space, await deleteExpired(tx, whose, BATCH));
  });
  return true;
}

async function takeUnindexed(tx: Tx, tenantId: string, personaId: string | null) {
  const { rows } = await sql<{ id: string; text: string }>`
    update memories set indexed = true where id in (
      select id from memories where not indexed and tenant_id = ${tenantId} and persona_id is not distinct from ${personaId}::uuid limit ${BATCH}
    ) returning id, text`.execute(tx);
  return rows;
}
