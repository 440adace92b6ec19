import type { Tx } from '@reeve/db';
import { createMatrix, type Matrix } from './matrix.ts';
import type { EmbeddingSpace } from './embedding-space.ts';
import { fromBytes, selectChanged, selectRefs, type VectorRow, type VectorState } from './store.ts';

/** A copy of one space's vectors. Whoever puts into it or takes out comes after those before, and is in a transaction by then. */
export interface Copy {
  readonly key: string;
  readonly tenantId: string;
  readonly matrix: Matrix;
  /** It holds all that there was when the space had this version; 0: it has not been loaded yet. */
  version: number;
  turn: Promise<unknown>;
  /** It keeps its room, since it is being loaded. */
  isLoading: boolean;
  /** Until then too, in `performance.now()`: who has been waited for answers for a while. */
  staysUntil: number;
}

/** Copies by space, in the order of their last use, of so many bytes at most. */
export interface Copies {
  /** Throws `TypeError` for one of another tenant. */
  get(embedding: EmbeddingSpace, spaceId: number): Copy | undefined;
  /**
   * Keeps a space's copy, empty where there was none, and makes room in it for the vectors that there are: the least lately used go.
   * Undefined, and it goes itself, where those that stay or are wanted `beside` it leave no room.
   */
  keep(embedding: EmbeddingSpace, state: VectorState, beside?: ReadonlySet<Copy>): Copy | undefined;
  has(copy: Copy): boolean;
}

export function createCopies(roomBytes: number): Copies {
  const copies = new Map<string, Copy>();
  const keyOf = (embedding: EmbeddingSpace, spaceId: number) => `${embedding.id} ${spaceId}`;
  const bytesOf = (some: Iterable<Copy>) => Iterator.from(some).reduce((sum, { matrix }) => sum + matrix.bytes, 0);

  function get(embedding: EmbeddingSpace, spaceId: number): Copy | undefined {
    const copy = copies.get(keyOf(embedding, spaceId));
    if (copy !== undefined && copy.tenantId !== embedding.tenantId) throw new TypeError('vectors of another tenant');
    return copy;
  }

  return {
    get,
    has: (copy) => copies.get(copy.key) === copy,
    keep(embedding, { spaceId, vectors }, beside) {
      const copy = get(embedding, spaceId) ?? createCopy(keyOf(embedding, spaceId), embedding);
      copies.delete(copy.key);
      const now = performance.now();
      const stays = (one: Copy) => one.isLoading || one.staysUntil > now || beside?.has(one) === true;
      const rowBytes = embedding.dimensions! * Float32Array.BYTES_PER_ELEMENT;
      const bytes = Math.max(copy.matrix.bytes, vectors * rowBytes);
      if (bytesOf(copies.values().filter(stays)) + bytes > roomBytes) return undefined;
      let used = bytesOf(copies.values()) + bytes;
      for (const other of copies.values()) {
        if (used <= roomBytes) break;
        if (stays(other)) continue;
        copies.delete(other.key);
        used -= other.matrix.bytes;
      }
      copies.set(copy.key, copy);
      // What has grown once grows again, and is not to be moved each time.
      const more = copy.matrix.bytes === 0 ? 0 : Math.min(vectors / 4, (roomBytes - used) / rowBytes);
      if (vectors * rowBytes > copy.matrix.bytes) copy.matrix.reserve(vectors + Math.floor(more));
      return copy;
    },
  };
}

function createCopy(key: string, { tenantId, dimensions }: EmbeddingSpace): Copy {
  const matrix = createMatrix(dimensions!, 0);
  return { key, tenantId, matrix, version: 0, turn: Promise.resolve(), isLoading: false, staysUntil: 0 };
}

/** Does work on a copy when those before are done, whatever became of it: a refresh that failed leaves one that is merely older. */
export async function inTurn<T>(copy: Copy, work: () => Promise<T>): Promise<T> {
  const turn = copy.turn.catch(() => undefined).then(work);
  copy.turn = turn;
  return turn;
}

/** Brings a copy to the state that its transaction sees, or a later one. */
export async function refresh(tx: Tx, embedding: EmbeddingSpace, state: VectorState, copy: Copy): Promise<void> {
  let after = positionOf(copy);
  while (copy.version < state.version) after = (await readPage(tx, embedding, state, after, copy)) ?? after;
}

export interface CachePosition {
  readonly changed: number;
  readonly ref: string;
}

/** The position after the last vector that a copy has. */
export function positionOf({ version }: Copy): CachePosition {
  return { changed: version, ref: LAST_REF };
}

/** Sorts after every ref. */
const LAST_REF = '\u{10ffff}';
/** Of a page. */
const PAGE_BYTES = 2 ** 21;

/**
 * Puts the next vectors behind a place into a copy, and answers where they end. Where there are none, all are in: it takes out what is
 * gone, the copy has the version of the state, and the answer is undefined.
 */
export async function readPage(
  tx: Tx,
  { id: embeddingId, tenantId, dimensions }: EmbeddingSpace,
  { spaceId, version, vectors }: VectorState,
  after: CachePosition,
  copy: Copy,
): Promise<VectorRow | undefined> {
  const of = { tenantId, embeddingId, spaceId };
  const limit = Math.ceil(PAGE_BYTES / Float32Array.BYTES_PER_ELEMENT / dimensions!);
  const rows = await selectChanged(tx, of, after, limit);
  for (const { ref, vector } of rows) copy.matrix.put(ref, fromBytes(vector));
  if (rows.length > 0) return rows.at(-1);
  // A copy of another size holds what is gone.
  if (copy.matrix.size !== vectors) copy.matrix.retain(new Set(await selectRefs(tx, of)));
  copy.version = Math.max(copy.version, version);
  return undefined;
}
