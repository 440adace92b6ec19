import type { KnowledgeBase, KnowledgeChunk, KnowledgeDocument } from '@reeve/contract';
import { likeText, now, type Db, type Tables, type Tx } from '@reeve/db';
import { sql, type ExpressionBuilder, type Selectable } from 'kysely';
import type { Paging } from '../store.ts';
import type { Base } from './base.ts';

/** What is stored of a document beside its chunks. */
export interface DocumentFields {
  readonly title: string | null;
  readonly source: string | null;
  readonly tags: readonly string[];
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: string;
  readonly chunkCount: number;
  /** All that was sent, where it is told word for word. */
  readonly words: string | null;
}

/** Lets one transaction at a time change a knowledge base. */
export async function lockBase(tx: Tx, { personaId, knowledgeBase }: Base): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${personaId} ${knowledgeBase}`}, 0))`.execute(tx);
}

export async function insertDocument(
  db: Db,
  base: Base,
  of: { id: string; versionId: string; createdBy: string },
  fields: DocumentFields,
): Promise<void> {
  await db
    .insertInto('documents')
    .values({
      id: of.id,
      version_id: of.versionId,
      tenant_id: base.tenantId,
      persona_id: base.personaId,
      knowledge_base: base.knowledgeBase,
      created_by: of.createdBy,
      ...toRow(fields),
    })
    .execute();
}

/** Gives a document another version. */
export async function updateDocument(db: Db, id: string, versionId: string, fields: DocumentFields): Promise<void> {
  await db
    .updateTable('documents')
    .set({ ...toRow(fields), version_id: versionId, updated_at: now })
    .where('id', '=', id)
    .execute();
}

/** Removes a document, but not its version. */
export async function deleteDocumentRow(db: Db, id: string): Promise<void> {
  await db.deleteFrom('documents').where('id', '=', id).execute();
}

export async function selectDocument(db: Db, base: Base, id: string): Promise<KnowledgeDocument | undefined> {
  const row = await within(db, base).where('id', '=', id).executeTakeFirst();
  return row && fromRow(row);
}

/** The document that has this content. */
export async function selectByContent(db: Db, base: Base, sha256: string): Promise<KnowledgeDocument | undefined> {
  const row = await within(db, base).where('sha256', '=', sha256).executeTakeFirst();
  return row && fromRow(row);
}

/** The document that came from this source. */
export async function selectBySource(db: Db, base: Base, source: string): Promise<KnowledgeDocument | undefined> {
  const row = await within(db, base)
    .where(sql<boolean>`md5(source) = md5(${source})`)
    .where('source', '=', source)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** The version that a document has. */
export async function selectVersionId(db: Db, id: string): Promise<string> {
  const row = await db.selectFrom('documents').select('version_id').where('id', '=', id).executeTakeFirstOrThrow();
  return row.version_id;
}

/** A page of a base's documents, the latest changed first, with how many there are in all. */
export async function listDocumentRows(
  db: Db,
  base: Base,
  filter: { q?: string | undefined; source_prefix?: string | undefined },
  { limit, offset }: Paging,
): Promise<{ documents: KnowledgeDocument[]; total: number }> {
  const where = (eb: ExpressionBuilder<Tables, 'documents'>) => {
    const conditions = [eb('persona_id', '=', base.personaId), eb('knowledge_base', '=', base.knowledgeBase)];
    if (filter.q !== undefined)
      conditions.push(eb.or([eb('title', 'ilike', likeText(filter.q)), eb('source', 'ilike', likeText(filter.q))]));
    if (filter.source_prefix !== undefined)
      conditions.push(sql<boolean>`starts_with(source, ${filter.source_prefix})` as never);
    return eb.and(conditions);
  };
  const rows = await within(db, base)
    .where(where)
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await db
    .selectFrom('documents')
    .where('tenant_id', '=', base.tenantId)
    .where(where)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { documents: rows.map(fromRow), total };
}

/** All chunks of a document, in order. */
export async function selectChunks(db: Db, documentId: string, range?: Paging): Promise<KnowledgeChunk[]> {
  let query = db
    .selectFrom('documents as d')
    .innerJoin('chunk_places as p', 'p.version_id', 'd.version_id')
    .innerJoin('chunks as c', 'c.id', 'p.chunk_id')
    .select(['c.id', 'p.position', 'c.text', 'c.headings', 'p.page'])
    .where('d.id', '=', documentId)
    .orderBy('p.position');
  if (range !== undefined) query = query.limit(range.limit).offset(range.offset);
  return query.execute();
}

/** Some chunks of a base with their documents' titles, those with ids above `after` in their order. */
export async function selectChunksOfBase(
  db: Db,
  { tenantId, personaId, knowledgeBase }: Base,
  after: string | undefined,
  limit: number,
): Promise<{ id: string; title: string | null; text: string; headings: string[] }[]> {
  let query = db
    .selectFrom('chunks')
    .innerJoin('chunk_places', 'chunk_places.chunk_id', 'chunks.id')
    .innerJoin('documents', 'documents.version_id', 'chunk_places.version_id')
    .select(['chunks.id', 'documents.title', 'chunks.text', 'chunks.headings'])
    .where('documents.tenant_id', '=', tenantId)
    .where('documents.persona_id', '=', personaId)
    .where('documents.knowledge_base', '=', knowledgeBase)
    .orderBy('chunks.id')
    .limit(limit);
  if (after !== undefined) query = query.where('chunks.id', '>', after);
  return query.execute();
}

/** The texts of a Soul's documents, in the order in which they came. */
export async function selectSoul(db: Db, tenantId: string, personaId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('documents')
    .innerJoin('chunk_places', 'chunk_places.version_id', 'documents.version_id')
    .innerJoin('chunks', 'chunks.id', 'chunk_places.chunk_id')
    .select(['documents.id', 'documents.words', 'chunks.text'])
    .where('documents.tenant_id', '=', tenantId)
    .where('documents.persona_id', '=', personaId)
    .where('documents.knowledge_base', '=', 'Soul-KB')
    .orderBy('documents.created_at')
    .orderBy('documents.id')
    .orderBy('chunk_places.position')
    .execute();
  return Map.groupBy(rows, ({ id }) => id)
    .values()
    .map((chunks) => chunks[0]!.words ?? chunks.map(({ text }) => text).join('\n\n'))
    .toArray();
}

function within(db: Db, { tenantId, personaId, knowledgeBase }: Base) {
  return db
    .selectFrom('documents')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('persona_id', '=', personaId)
    .where('knowledge_base', '=', knowledgeBase);
}

function toRow({ title, source, tags, mediaType, size, sha256, chunkCount, words }: DocumentFields) {
  return { title, source, tags: [...tags], media_type: mediaType, size, sha256, chunk_count: chunkCount, words };
}

function fromRow(row: Selectable<Tables['documents']>): KnowledgeDocument {
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    persona_id: row.persona_id,
    knowledge_base: row.knowledge_base as KnowledgeBase,
    title: row.title,
    source: row.source,
    tags: row.tags,
    media_type: row.media_type,
    size: row.size,
    sha256: row.sha256,
    chunk_count: row.chunk_count,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
