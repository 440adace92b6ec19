import { createHash } from 'node:crypto';
import { recordAudit } from '@reeve/audit';
import { MAX_SOUL, MAX_TITLE, type DocumentInput, type KnowledgeBase, type KnowledgeDocument } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { invalidField, newId, ReeveError, storableText } from '@reeve/kit';
import type { Chunk, DocumentReader } from '../documents/index.ts';
import { ensureSpace, indexTexts, unindexTexts } from '../lexical/index.ts';
import type { Requester } from '../session.ts';
import type { AskVector } from '../vectors/index.ts';
import {
  deleteChunks,
  deleteDocumentRow,
  insertChunks,
  insertDocument,
  lockBase,
  moveChunks,
  selectByContent,
  selectBySource,
  selectChunks,
  selectDocument,
  selectSoul,
  updateDocument,
  type DocumentFields,
  type StoredChunk,
} from './document-store.ts';
import { chunkText, kindOf, type Base } from './base.ts';
import { lockPersona } from './persona-store.ts';
import { requirePersona } from './personas.ts';

/*
 * A document is read and cut into chunks before its transaction begins, and stored, searchable and written down in one:
 *
 *   content that is there already            → nothing is added; what its source said before goes
 *   content from a source that is there      → its chunks are replaced; one that says the same keeps its id
 *   anything else                            → a new document
 */

export interface KnowledgeParts {
  readonly database: Database;
  readonly reader: DocumentReader;
  /** Makes queries vectors; without it search is lexical. */
  readonly askVector?: AskVector | undefined;
}

/** What comes in: bytes with what is known of them. */
export interface Content {
  readonly bytes: Uint8Array;
  /** A file's name; '' for a text. */
  readonly name: string;
  readonly mediaType?: string | undefined;
}

export type Added = KnowledgeDocument & { readonly deduplicated: boolean; readonly replaced: boolean };

/** Adds a document to a knowledge base. Throws `not_found` for the persona, and `invalid_request` for what cannot be read or has no room. */
export async function addDocument(
  { database, reader }: KnowledgeParts,
  who: Requester,
  persona: string,
  knowledgeBase: KnowledgeBase,
  { bytes, name, mediaType }: Content,
  { title, source, tags }: Omit<DocumentInput, 'text'>,
  signal: AbortSignal,
): Promise<Added> {
  const { tenantId } = who;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const known = await inTenant(database.db, tenantId, async (tx) => {
    const base = await requireBase(tx, tenantId, persona, knowledgeBase);
    return { base, document: await settleTwin(tx, who, base, sha256, source ?? null) };
  });
  if (known.document !== undefined) return known.document;
  const read = await reader.readChunks({ bytes, name, ...(mediaType !== undefined && { mediaType }) }, signal);
  const fields: DocumentFields = {
    title: title ?? read.title ?? titleOf(name),
    source: source ?? null,
    tags: [...new Set(tags)],
    mediaType: read.mediaType,
    size: bytes.length,
    sha256,
    chunkCount: read.chunks.length,
    words: knowledgeBase === 'Soul-KB' ? wordsOf(bytes, read.mediaType) : null,
  };
  return inTenant(database.db, tenantId, (tx) => store(tx, who, known.base, fields, read.chunks));
}

/** Removes a document with its chunks, and every word of them from the index. Throws `not_found`. */
export async function deleteDocument(tx: Tx, who: Requester, base: Base, id: string): Promise<void> {
  await lockBase(tx, base);
  const document = await requireDocument(tx, base, id);
  await remove(tx, base, document);
  await record(tx, who, 'DOCUMENT_DELETED', base, document);
}

/** Throws `not_found`. */
export async function requireDocument(tx: Tx, base: Base, id: string): Promise<KnowledgeDocument> {
  const document = await selectDocument(tx, base, id);
  if (document === undefined) throw new ReeveError('not_found', `there is no document ${id} in this knowledge base`);
  return document;
}

/** A knowledge base of a persona that is given by id or slug. Throws `not_found`. */
export async function requireBase(
  tx: Tx,
  tenantId: string,
  persona: string,
  knowledgeBase: KnowledgeBase,
): Promise<Base> {
  const { id: personaId } = await requirePersona(tx, tenantId, persona);
  return { tenantId, personaId, knowledgeBase };
}

/** What a persona is, word for word; '' where its Soul is empty. */
export async function soulOf(tx: Tx, tenantId: string, personaId: string): Promise<string> {
  return (await selectSoul(tx, tenantId, personaId)).join('\n\n');
}

/** The document that says the same already. What came from that source before, and says something else, goes. */
async function settleTwin(
  tx: Tx,
  who: Requester,
  base: Base,
  sha256: string,
  source: string | null,
): Promise<Added | undefined> {
  const same = await selectByContent(tx, base, sha256);
  if (same === undefined) return undefined;
  const before = source === null || same.source === source ? undefined : await selectBySource(tx, base, source);
  if (before !== undefined) await deleteDocument(tx, who, base, before.id);
  return { ...same, deduplicated: true, replaced: false };
}

/** What a text says, word for word; null for a file of another kind. */
function wordsOf(bytes: Uint8Array, mediaType: string): string | null {
  return WORDED.has(mediaType) ? storableText(new TextDecoder().decode(bytes)).trim() : null;
}

const WORDED: ReadonlySet<string> = new Set(['text/markdown', 'text/plain']);

/** A title from a file's name, which its sender chose. */
function titleOf(name: string): string | null {
  const title = storableText(name).trim().slice(0, MAX_TITLE).toWellFormed();
  return title === '' ? null : title;
}

async function store(
  tx: Tx,
  who: Requester,
  base: Base,
  fields: DocumentFields,
  chunks: readonly Chunk[],
): Promise<Added> {
  if (!(await lockPersona(tx, base.tenantId, base.personaId, 'key share')))
    throw new ReeveError('not_found', `there is no persona ${base.personaId}`);
  await lockBase(tx, base);
  const twin = await settleTwin(tx, who, base, fields.sha256, fields.source);
  if (twin !== undefined) return twin;
  const before = fields.source === null ? undefined : await selectBySource(tx, base, fields.source);
  const id = before?.id ?? newId();
  if (before === undefined) await insertDocument(tx, base, { id, createdBy: who.userId }, fields);
  else await updateDocument(tx, id, fields);
  await replaceChunks(tx, base, id, chunks, { title: fields.title, before: before?.title });
  if (base.knowledgeBase === 'Soul-KB') await requireSmallSoul(tx, base);
  const document = await requireDocument(tx, base, id);
  await record(tx, who, before === undefined ? 'DOCUMENT_ADDED' : 'DOCUMENT_REPLACED', base, document);
  return { ...document, deduplicated: false, replaced: before !== undefined };
}

/** Stores the chunks of a document in place of those it has, in the index too. */
async function replaceChunks(
  tx: Tx,
  base: Base,
  documentId: string,
  chunks: readonly Chunk[],
  { title, before }: { readonly title: string | null; readonly before: string | null | undefined },
): Promise<void> {
  const kept = Map.groupBy(await selectChunks(tx, documentId), keyOf);
  const [added, moved]: [StoredChunk[], StoredChunk[]] = [[], []];
  for (const { position: index, text, headings, page = null } of chunks) {
    const position = index + 1;
    const same = kept.get(keyOf({ text, headings }))?.shift();
    (same === undefined ? added : moved).push({ id: same?.id ?? newId(), position, text, headings, page });
  }
  const gone = [...kept.values()].flat().map(({ id }) => id);
  const space = await ensureSpace(tx, spaceOf(base));
  if (gone.length > 0) {
    await unindexTexts(tx, space, gone);
    await deleteChunks(tx, gone);
  }
  await moveChunks(tx, moved);
  await insertChunks(tx, base.tenantId, documentId, added);
  // Its title belongs to what each of its chunks is found by.
  const changed = title === before ? added : [...added, ...moved];
  await indexTexts(
    tx,
    space,
    changed.map((chunk) => chunkText(title, chunk)),
  );
}

function keyOf({ text, headings }: Pick<StoredChunk, 'text' | 'headings'>): string {
  return JSON.stringify([headings, text]);
}

async function remove(tx: Tx, base: Base, { id }: KnowledgeDocument): Promise<void> {
  const chunks = await selectChunks(tx, id);
  await unindexTexts(
    tx,
    await ensureSpace(tx, spaceOf(base)),
    chunks.map((chunk) => chunk.id),
  );
  await deleteDocumentRow(tx, id);
}

function spaceOf({ tenantId, personaId, knowledgeBase }: Base) {
  return { tenantId, personaId, kind: kindOf(knowledgeBase) };
}

async function requireSmallSoul(tx: Tx, { tenantId, personaId }: Base): Promise<void> {
  const { length } = await soulOf(tx, tenantId, personaId);
  if (length > MAX_SOUL)
    throw invalidField(
      'text',
      `would make a Soul of ${length} characters; it stands whole in every prompt, and may have ${MAX_SOUL}`,
    );
}

function record(
  tx: Tx,
  { tenantId, userId: actor, traceId }: Requester,
  action: 'DOCUMENT_ADDED' | 'DOCUMENT_REPLACED' | 'DOCUMENT_DELETED',
  { personaId, knowledgeBase }: Base,
  { id, title, source, sha256 }: KnowledgeDocument,
): Promise<void> {
  const details = { document: id, persona: personaId, knowledge_base: knowledgeBase, title, source, sha256 };
  return recordAudit(tx, [{ tenantId, actor, action, traceId, details }]);
}
