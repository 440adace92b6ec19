import { createHash } from 'node:crypto';
import { recordAudit } from '@reeve/audit';
import { MAX_SOUL, MAX_TITLE, type DocumentInput, type KnowledgeBase, type KnowledgeDocument } from '@reeve/contract';
import { inTenant, type Database, type Db, type Tx } from '@reeve/db';
import { invalidField, newId, ReeveError, storableText } from '@reeve/kit';
import type { Chunk, DocumentReader } from '@reeve/documents';
import { createAdaptiveBatch, type AdaptiveBatch } from '../adaptive-batch.ts';
import type { Requester } from '../session.ts';
import type { EmbedQuery } from '@reeve/retrieval';
import {
  deleteDocumentRow,
  insertDocument,
  lockBase,
  selectByContent,
  selectBySource,
  selectDocument,
  selectSoul,
  selectVersionId,
  updateDocument,
  type DocumentFields,
} from './document-store.ts';
import { kindOf, type Base } from './base.ts';
import { lockPersona } from './persona-store.ts';
import { requirePersona } from './personas.ts';
import { holdUnreferenced, insertUnreferenced, takeUnreferenced } from './version-store.ts';
import {
  cutPieces,
  FEW,
  HELD_MS,
  readKept,
  removeUnreferencedVersions,
  removePiece,
  storePiece,
  storePieces,
} from './versions.ts';
import { ensureSpace } from '../spaces.ts';

/*
 * A document is read and cut into chunks before any transaction begins. Where there are few of them it is stored, searchable and
 * written down in one; else its version is stored piece by piece, and a last transaction, which is short, gives it to the document:
 * until then what was there before answers.
 *
 *   content that is there already            → nothing is added; what its source said before goes
 *   content from a source that is there      → its chunks are replaced; one that says the same keeps its id
 *   anything else                            → a new document
 */

export interface KnowledgeParts {
  readonly database: Database;
  readonly reader: DocumentReader;
  /** How much of a large document one transaction stores; found out by default. */
  readonly paceOf?: () => AdaptiveBatch;
  /** Makes queries vectors; without it search is lexical. */
  readonly embedQuery?: EmbedQuery | undefined;
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
  { database, reader, paceOf = createAdaptiveBatch }: KnowledgeParts,
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
  for (;;) {
    signal.throwIfAborted();
    const stored = await store(database.db, { who, base: known.base, fields, chunks: read.chunks }, paceOf(), signal);
    // Others have changed the document meanwhile.
    if (stored === undefined) continue;
    await removeLeft(database.db, tenantId, signal);
    return stored;
  }
}

/** Removes a document with its chunks, and every word of them from the index. Throws `not_found`. */
export async function removeDocument(
  db: Db,
  who: Requester,
  persona: string,
  knowledgeBase: KnowledgeBase,
  id: string,
): Promise<void> {
  const { tenantId } = who;
  await inTenant(db, tenantId, async (tx) =>
    deleteDocument(tx, who, await requireBase(tx, tenantId, persona, knowledgeBase), id),
  );
  await removeLeft(db, tenantId);
}

/** Removes what changes have left, for a moment: what is more than that, and where that fails, the indexer does. */
async function removeLeft(db: Db, tenantId: string, gone?: AbortSignal): Promise<void> {
  const signal = AbortSignal.any([AbortSignal.timeout(LEFT_MS), ...(gone === undefined ? [] : [gone])]);
  await removeUnreferencedVersions(db, { tenantId, signal }).catch(() => undefined);
}

/** Others of the tenant may have left far more than whoever waits here. */
const LEFT_MS = 5_000;

/** Removes a document, which nobody sees any more. What is too much for one transaction is left to `removeLeft`. Throws `not_found`. */
export async function deleteDocument(tx: Tx, who: Requester, base: Base, id: string): Promise<void> {
  await requireLocked(tx, base);
  const document = await requireDocument(tx, base, id);
  const versionId = await selectVersionId(tx, id);
  await deleteDocumentRow(tx, id);
  await letGo(tx, base, document, versionId);
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

/** A document that is read, and is to be stored. */
interface Adding {
  readonly who: Requester;
  readonly base: Base;
  readonly fields: DocumentFields;
  readonly chunks: readonly Chunk[];
}

/** Stores a document; undefined where others have changed it meanwhile. */
async function store(db: Db, adding: Adding, batch: AdaptiveBatch, signal: AbortSignal): Promise<Added | undefined> {
  const { base, fields, chunks } = adding;
  const { tenantId } = base;
  const before = await inTenant(db, tenantId, (tx) => selectBefore(tx, base, fields));
  if (Math.max(chunks.length, before?.document.chunk_count ?? 0) <= FEW)
    return inTenant(db, tenantId, (tx) => storeAtOnce(tx, adding));
  const isNamed = before?.document.title === fields.title;
  const kept =
    before !== undefined && isNamed
      ? await readKept((read) => inTenant(db, tenantId, read), before.versionId)
      : new Map<string, string[]>();
  const versionId = newId();
  const space = await inTenant(db, tenantId, async (tx) => {
    await requireLocked(tx, base);
    const { id: spaceId } = await ensureSpace(tx, spaceOf(base));
    await insertUnreferenced(tx, { id: versionId, tenantId, spaceId, title: fields.title }, HELD_MS);
    return { id: spaceId, tenantId };
  });
  let stored: Added | undefined;
  try {
    const pieces = cutPieces(fields.title, chunks, kept, { isRenamed: false, size: () => batch.size() });
    if (await storePieces(db, space, versionId, pieces, { batch, signal }))
      stored = await inTenant(db, tenantId, (tx) => take(tx, adding, versionId, before?.versionId));
    return stored;
  } catch (error) {
    // The space goes with its persona, which the next attempt does not find.
    if (ReeveError.from(error).reason === 'not_found') return undefined;
    throw error;
  } finally {
    // A version that a document refers to has no such row any more, so nothing happens to it.
    if (stored === undefined || stored.deduplicated) {
      await inTenant(db, tenantId, (tx) => holdUnreferenced(tx, versionId, 0)).catch(() => undefined);
      await removeLeft(db, tenantId);
    }
  }
}

/** Stores a document of few chunks, in place of one of few; undefined where that has become one of many. */
async function storeAtOnce(tx: Tx, { who, base, fields, chunks }: Adding): Promise<Added | undefined> {
  await requireLocked(tx, base);
  const twin = await settleTwin(tx, who, base, fields.sha256, fields.source);
  if (twin !== undefined) return twin;
  const before = await selectBefore(tx, base, fields);
  if (before !== undefined && before.document.chunk_count > FEW) return undefined;
  const versionId = newId();
  const space = await ensureSpace(tx, spaceOf(base));
  const kept =
    before === undefined ? new Map<string, string[]>() : await readKept((read) => read(tx), before.versionId);
  const isRenamed = before !== undefined && before.document.title !== fields.title;
  for (const piece of cutPieces(fields.title, chunks, kept, { isRenamed, size: () => FEW }))
    await storePiece(tx, space, versionId, piece);
  return give(tx, { who, base, fields }, versionId, before);
}

/** Gives a version that is whole to its document; undefined where that is not what it was, or the version is being removed. */
async function take(
  tx: Tx,
  { who, base, fields }: Adding,
  versionId: string,
  builtOn: string | undefined,
): Promise<Added | undefined> {
  await requireLocked(tx, base);
  const twin = await settleTwin(tx, who, base, fields.sha256, fields.source);
  if (twin !== undefined) return twin;
  const before = await selectBefore(tx, base, fields);
  if (before?.versionId !== builtOn || !(await takeUnreferenced(tx, versionId))) return undefined;
  return give(tx, { who, base, fields }, versionId, before);
}

interface Before {
  readonly document: KnowledgeDocument;
  readonly versionId: string;
}

async function give(
  tx: Tx,
  { who, base, fields }: Omit<Adding, 'chunks'>,
  versionId: string,
  before: Before | undefined,
): Promise<Added> {
  const id = before?.document.id ?? newId();
  if (before === undefined) await insertDocument(tx, base, { id, versionId, createdBy: who.userId }, fields);
  else {
    await updateDocument(tx, id, versionId, fields);
    await letGo(tx, base, before.document, before.versionId);
  }
  if (base.knowledgeBase === 'Soul-KB') await requireSmallSoul(tx, base);
  const document = await requireDocument(tx, base, id);
  await record(tx, who, before === undefined ? 'DOCUMENT_ADDED' : 'DOCUMENT_REPLACED', base, document);
  return { ...document, deduplicated: false, replaced: before !== undefined };
}

/** What has come from that source. */
async function selectBefore(tx: Tx, base: Base, { source }: DocumentFields): Promise<Before | undefined> {
  const document = source === null ? undefined : await selectBySource(tx, base, source);
  return document && { document, versionId: await selectVersionId(tx, document.id) };
}

/** Removes a version that its document has no more, or leaves it to be removed where it is large. */
async function letGo(
  tx: Tx,
  base: Base,
  { title, chunk_count: count }: KnowledgeDocument,
  versionId: string,
): Promise<void> {
  const { tenantId } = base;
  const { id: spaceId } = await ensureSpace(tx, spaceOf(base));
  if (count > FEW) await insertUnreferenced(tx, { id: versionId, tenantId, spaceId, title }, 0);
  else await removePiece(tx, { tenantId, spaceId, ids: [versionId] }, FEW);
}

/** Keeps the persona there, and others from changing the base. */
async function requireLocked(tx: Tx, base: Base): Promise<void> {
  if (!(await lockPersona(tx, base.tenantId, base.personaId, 'key share')))
    throw new ReeveError('not_found', `there is no persona ${base.personaId}`);
  await lockBase(tx, base);
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
