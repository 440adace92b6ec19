import { inTenant, type Db, type Tx } from '@reeve/db';
import { sql } from 'kysely';
import { clearSpace, findStaleSpaces, lockSpace, type StaleSpace } from './lexical/space.ts';
import { indexTexts, type LexicalText } from './lexical/write.ts';
import { chunkText, knowledgeBaseOf } from './knowledge/base.ts';
import { selectChunksOfBase } from './knowledge/document-store.ts';
import { playbookText } from './playbooks/playbook.ts';
import { selectGoals } from './playbooks/store.ts';

/*
 * What an older analyzer indexed is found by words that today's does not make, so its spaces are filled anew. Memories and messages
 * are left to the indexer, batch by batch; a base or the playbooks of a persona are done in one transaction, until whose end the
 * old index answers.
 */

/** Texts that are read and indexed at a time. */
const BATCH = 500;

/** Renews every space that an older analyzer filled. */
export async function renewSpaces(db: Db, signal: AbortSignal): Promise<void> {
  for (const stale of await findStaleSpaces(db)) {
    if (signal.aborted) return;
    await renewSpace(db, stale);
  }
}

/** Renews one, where nobody else has done so meanwhile. */
async function renewSpace(db: Db, stale: StaleSpace): Promise<void> {
  await inTenant(db, stale.tenantId, async (tx) => {
    await lockSpace(tx, stale);
    if (!(await findStaleSpaces(tx)).some(({ id }) => id === stale.id)) return;
    await clearSpace(tx, stale);
    await refill(tx, stale);
  });
}

async function refill(tx: Tx, space: StaleSpace): Promise<void> {
  const { tenantId, personaId, kind } = space;
  if (kind === 'message') {
    await sql`update sessions set indexed_until = coalesce(parent_until, 0) where tenant_id = ${tenantId}`.execute(tx);
    return;
  }
  if (kind === 'memory') {
    await sql`update memories set indexed = false
      where tenant_id = ${tenantId} and persona_id is not distinct from ${personaId}::uuid`.execute(tx);
    return;
  }
  for (let after: string | undefined; ;) {
    const texts = await readTexts(tx, space, after);
    await indexTexts(tx, space, texts);
    if (texts.length < BATCH) return;
    after = texts.at(-1)!.ref;
  }
}

/** What is to be found in a space of a base or of playbooks, in the order of its ids. */
async function readTexts(
  tx: Tx,
  { tenantId, personaId, kind }: StaleSpace,
  after: string | undefined,
): Promise<LexicalText[]> {
  const knowledgeBase = knowledgeBaseOf(kind);
  if (knowledgeBase === undefined || personaId === null)
    return (await selectGoals(tx, { tenantId, personaId }, after, BATCH)).map(playbookText);
  const chunks = await selectChunksOfBase(tx, { tenantId, personaId, knowledgeBase }, after, BATCH);
  return chunks.map((chunk) => chunkText(chunk.title, chunk));
}
