import { inTenant, type Db, type Tx } from '@reeve/db';
import { newId } from '@reeve/kit';
import { sql } from 'kysely';
import type { Chunk } from '@reeve/documents';
import { analyzeTexts, indexTexts, lockSpace, unindexTexts, type IndexedText, type Space } from '@reeve/retrieval';
import { createAdaptiveBatch, type AdaptiveBatch } from '../adaptive-batch.ts';
import { chunkText } from './base.ts';
import {
  chunkKey,
  deleteChunks,
  deleteUnreferenced,
  deleteChunkPositions,
  fenceUnreferenced,
  holdUnreferenced,
  insertChunks,
  insertChunkPositions,
  selectKeys,
  selectRemovable,
  type UnreferencedVersions,
  type ChunkPosition,
  type StoredChunk,
} from './version-store.ts';

/*
 * What a document says is a version of it. Each is written once, read while a document has it, and then removed:
 *
 *   (none) ──begun──► unreferenced, held ──piece, piece, …──► unreferenced, held ──its document refers to it──► read
 *                        └──its writer gave up, or its hold expired after a minute──► unreferenced ──piece, piece, …──► (none)
 *   read ──another version takes its place, the document is deleted──► unreferenced
 *
 * A piece is a transaction. Chunks of an unreferenced version are indexed but never returned: matches are read through documents.
 */

/** A document of no more chunks is stored, replaced and removed in one transaction. */
export const FEW = 64;
/** Places of chunks that are there already, which cost less: of one transaction. */
const PLACES = 1_000;
/** How long a version is held without a sign of its writer. */
export const HELD_MS = 60_000;

/** A piece of a version: new chunks, texts to index, and positions. */
export interface Piece {
  readonly added: readonly StoredChunk[];
  readonly texts: readonly IndexedText[];
  readonly places: readonly ChunkPosition[];
}

/** The chunks of a document’s previous version, by content key. */
export type KeptChunks = Map<string, string[]>;

/** Reads a version’s chunks, one page per transaction. */
export async function readKept(
  read: <T>(run: (tx: Tx) => Promise<T>) => Promise<T>,
  versionId: string,
): Promise<KeptChunks> {
  const kept: KeptChunks = new Map();
  for (let after = 0; ;) {
    const rows = await read((tx) => selectKeys(tx, versionId, after, PLACES));
    for (const { key, id } of rows) kept.set(key, [...(kept.get(key) ?? []), id]);
    if (rows.length < PLACES) return kept;
    after = rows.at(-1)!.position;
  }
}

/** Splits a version into pieces of limited size. Kept chunks are indexed again only if `isRenamed`. */
export function* cutPieces(
  title: string | null,
  chunks: readonly Chunk[],
  kept: KeptChunks,
  { isRenamed, size }: { readonly isRenamed: boolean; readonly size: () => number },
): Generator<Piece> {
  let piece = { added: [] as StoredChunk[], texts: [] as IndexedText[], places: [] as ChunkPosition[] };
  for (const { position, text, headings, page = null } of chunks) {
    const known = kept.get(chunkKey({ text, headings }))?.shift();
    const chunk = { id: known ?? newId(), text, headings };
    if (known === undefined) piece.added.push(chunk);
    if (known === undefined || isRenamed) piece.texts.push(chunkText(title, chunk));
    piece.places.push({ chunkId: chunk.id, position: position + 1, page });
    if (piece.texts.length < size() && piece.places.length < PLACES) continue;
    yield piece;
    piece = { added: [], texts: [], places: [] };
  }
  if (piece.places.length > 0) yield piece;
}

/** Stores a piece of a version and its index entries. */
export async function storePiece(
  tx: Tx,
  space: Space,
  versionId: string,
  { added, texts, places }: Piece,
): Promise<void> {
  await insertChunks(tx, space.tenantId, added);
  await insertChunkPositions(tx, space.tenantId, versionId, places);
  await indexTexts(tx, space, texts);
}

/** Stores a held version piece by piece; false if others are removing it. Throws if `signal` aborts. */
export async function storePieces(
  db: Db,
  space: Space,
  versionId: string,
  pieces: Iterable<Piece>,
  { batch, signal }: { readonly batch: AdaptiveBatch; readonly signal: AbortSignal },
): Promise<boolean> {
  for (const piece of pieces) {
    signal.throwIfAborted();
    const analyzed = { ...piece, texts: analyzeTexts(piece.texts) };
    const isHeld = await inTenant(db, space.tenantId, async (tx) => {
      await lockSpace(tx, space);
      const from = performance.now();
      if (!(await holdUnreferenced(tx, versionId, HELD_MS))) return false;
      await storePiece(tx, space, versionId, analyzed);
      batch.took(piece.texts.length, performance.now() - from);
      return true;
    });
    if (!isHeld) return false;
  }
  return true;
}

/** Removes at most `limit` positions of versions without a document, and chunks that no other version uses. Returns the number. */
export async function removePiece(
  tx: Tx,
  { tenantId, spaceId, ids }: UnreferencedVersions,
  limit: number,
): Promise<number> {
  const space = await lockForRemoval(tx, tenantId, spaceId);
  const { count, unshared } = await deleteChunkPositions(tx, ids, limit);
  if (space !== undefined) await unindexTexts(tx, space, unshared);
  await deleteChunks(tx, unshared);
  return count;
}

/** Removes all versions that are to be, of one tenant or of all, a piece a transaction. */
export async function removeUnreferencedVersions(
  db: Db,
  {
    tenantId,
    signal,
    batch = createAdaptiveBatch(),
  }: { readonly tenantId?: string; readonly signal?: AbortSignal; readonly batch?: AdaptiveBatch } = {},
): Promise<void> {
  for (;;) {
    const all = await selectRemovable(db, tenantId, VERSIONS);
    if (all.length === 0) return;
    for (const some of all)
      for (let isMore = true; isMore;) {
        if (signal?.aborted) return;
        isMore = await inTenant(db, some.tenantId, (tx) => removeLoosePiece(tx, some, batch));
      }
  }
}

/** Versions that are removed together: many are small. */
const VERSIONS = 100;

async function removeLoosePiece(tx: Tx, some: UnreferencedVersions, batch: AdaptiveBatch): Promise<boolean> {
  await lockForRemoval(tx, some.tenantId, some.spaceId);
  const [from, size] = [performance.now(), batch.size()];
  const ids = await fenceUnreferenced(tx, some.ids);
  const count = ids.length === 0 ? 0 : await removePiece(tx, { ...some, ids }, size);
  batch.took(count, performance.now() - from);
  if (count === size) return true;
  await deleteUnreferenced(tx, ids);
  return false;
}

/** Serializes removals of versions that may share chunks. Undefined if the space is gone. */
async function lockForRemoval(tx: Tx, tenantId: string, spaceId: number): Promise<Space | undefined> {
  const { rows } = await sql`
    select id from lexical_spaces where id = ${spaceId} and tenant_id = ${tenantId} for update`.execute(tx);
  if (rows.length > 0) return { id: spaceId, tenantId };
  await sql`select pg_advisory_xact_lock(hashtextextended(${`versions ${tenantId}`}, 0))`.execute(tx);
  return undefined;
}
