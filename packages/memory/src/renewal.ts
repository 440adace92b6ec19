import { inTenant, type Db, type Tx } from '@reeve/db';
import type { Log } from '@reeve/kit';
import { sql } from 'kysely';
import {
  findStaleSpaces,
  finishRenewal,
  indexTexts,
  lockStale,
  noteRenewed,
  type IndexedText,
  type StaleSpace,
} from '@reeve/retrieval';
import { chunkText, knowledgeBaseOf } from './knowledge/base.ts';
import { selectChunksOfBase } from './knowledge/document-store.ts';
import { memoryText } from './memory.ts';
import { createAdaptiveBatch, type AdaptiveBatch } from './adaptive-batch.ts';
import { playbookText } from './playbooks/playbook.ts';
import { selectGoals } from './playbooks/store.ts';

/*
 * What an older analyzer indexed is found by words that today's may not make, so its texts are indexed anew, some at a time and in the
 * order of their names. Each is in the index all the while: one that has not had its turn is found by the words that both analyzers
 * make. How far it is stands in the space, and so a process that dies loses nothing; those that do it at once take turns.
 */

/** Reindexes every space that an older analyzer filled. A failed space is left to the next time and does not block others. */
export async function renewSpaces(db: Db, log: Log, signal: AbortSignal, batch = createAdaptiveBatch()): Promise<void> {
  for (const stale of await findStaleSpaces(db))
    try {
      while (!signal.aborted && (await inTenant(db, stale.tenantId, (tx) => renewSome(tx, stale, batch))));
    } catch (error) {
      log.warn({ err: error, tenant_id: stale.tenantId, space_id: stale.id }, 'renewing an index failed; trying again');
    }
}

/** Answers whether there is more. */
async function renewSome(tx: Tx, stale: StaleSpace, batch: AdaptiveBatch): Promise<boolean> {
  const after = await lockStale(tx, stale);
  if (after === undefined) return false;
  if (stale.kind === 'message') {
    // The indexer works through them again.
    await sql`update sessions set indexed_until = coalesce(parent_until, 0) where tenant_id = ${stale.tenantId}`.execute(
      tx,
    );
    await finishRenewal(tx, stale);
    return false;
  }
  const [from, size] = [performance.now(), batch.size()];
  const texts = await readTexts(tx, stale, after ?? undefined, size);
  await indexTexts(tx, stale, texts);
  batch.took(texts.length, performance.now() - from);
  const last = texts.at(-1);
  if (last === undefined || texts.length < size) {
    await finishRenewal(tx, stale);
    return false;
  }
  await noteRenewed(tx, stale, last.ref);
  return true;
}

/** The texts to index in a space, by ID. */
async function readTexts(
  tx: Tx,
  { tenantId, ownerId: personaId, kind }: StaleSpace,
  after: string | undefined,
  limit: number,
): Promise<IndexedText[]> {
  if (kind === 'memory') {
    const { rows } = await sql<{ id: string; text: string }>`
      select id, text from memories
      where tenant_id = ${tenantId} and persona_id is not distinct from ${personaId}::uuid
        and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
      order by id limit ${limit}`.execute(tx);
    return rows.map(({ id, text }) => memoryText(id, text));
  }
  const knowledgeBase = knowledgeBaseOf(kind);
  if (knowledgeBase === undefined || personaId === null)
    return (await selectGoals(tx, { tenantId, personaId }, after, limit)).map(playbookText);
  const chunks = await selectChunksOfBase(tx, { tenantId, personaId, knowledgeBase }, after, limit);
  return chunks.map((chunk) => chunkText(chunk.title, chunk));
}
