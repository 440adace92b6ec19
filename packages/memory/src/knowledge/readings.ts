import { KnowledgeBase } from '@reeve/contract';
import type { Db, Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { selectChunks } from './document-store.ts';
import { requireBase, requireDocument } from './documents.ts';

/** A document, and where it is. */
export interface PlacedDocument {
  readonly id: string;
  /** The persona’s slug. */
  readonly persona: string;
  readonly knowledgeBase: KnowledgeBase;
  readonly title: string | null;
  readonly source: string | null;
}

/** The documents of all personas that were changed last. */
export async function newestDocuments(db: Db, tenantId: string, limit: number): Promise<PlacedDocument[]> {
  const rows = await db
    .selectFrom('documents as d')
    .innerJoin('personas as p', 'p.id', 'd.persona_id')
    .select(['d.id', 'p.slug', 'd.knowledge_base', 'd.title', 'd.source'])
    .where('d.tenant_id', '=', tenantId)
    .orderBy('d.updated_at', 'desc')
    .orderBy('d.id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(({ id, slug: persona, knowledge_base, title, source }) => ({
    id,
    persona,
    knowledgeBase: knowledge_base as KnowledgeBase,
    title,
    source,
  }));
}

/** The text of a document as it was read, its chunks in order. Throws `not_found`. */
export async function readDocument(
  tx: Tx,
  tenantId: string,
  { persona, knowledgeBase, id }: { persona: string; knowledgeBase: string; id: string },
): Promise<string> {
  const known = KnowledgeBase.safeParse(knowledgeBase).data;
  if (known === undefined) throw new ReeveError('not_found', `there is no knowledge base ${knowledgeBase}`);
  const base = await requireBase(tx, tenantId, persona, known);
  await requireDocument(tx, base, id);
  return (await selectChunks(tx, id)).map(({ text }) => text).join('\n\n');
}
