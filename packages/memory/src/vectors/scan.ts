import { totalmem } from 'node:os';
import { inTenant, type Db, type Tx, type VectorSupport } from '@reeve/db';
import { Background, type Log } from '@reeve/kit';
import type { Space } from '../lexical/space.ts';
import { rankInDatabase } from './in-database.ts';
import { createMatrix, type Matrix } from './matrix.ts';
import { mergeRankings, rankingOf, type VectorRanking } from './ranking.ts';
import type { EmbeddingSpace } from './space.ts';
import { fromBytes, selectChanged, selectRefs, selectStates, type VectorRow, type VectorState } from './store.ts';

/*
 * An exact scan: the query's vector is compared with every vector of the spaces that are searched, and with no other. Copies of
 * vectors stay in this process, by space, as long as there is room; the least lately used goes first.
 *
 *   (none) ──asked for──► loading, a page a transaction ──whole──► kept ──asked for──► what changed is read first
 *
 * How old a copy is its space's version tells, which each change raises: it is read in the transaction that asks, whoever made the
 * change. A few missing vectors are read there too; for many nobody waits, and nobody else who has the one connection of the
 * embedded database. Until they are loaded, and where there is no room for them, the database compares them itself if it has pgvector,
 * which takes longer; if it has not, there is no ranking.
 */

export interface Scanner extends AsyncDisposable {
  /**
   * Ranks a tenant's spaces by a vector of length 1. Where their vectors are still being loaded, are more than there is room for, or
   * have been changed by this very transaction, the database does; undefined where it cannot. The ranking is to be read within the
   * transaction. Throws `TypeError` for spaces of another tenant.
   */
  rank(
    tx: Tx,
    embedding: EmbeddingSpace,
    spaces: readonly Space[],
    query: Float32Array,
  ): Promise<VectorRanking | undefined>;
}

export interface ScannerOptions {
  /** For all copies together. */
  readonly roomBytes?: number;
  /** Of vectors that are read in the transaction that asks. */
  readonly atOnceBytes?: number;
  /** Of vectors that the database compares for one query, where it can. */
  readonly databaseBytes?: number;
  readonly vectors?: VectorSupport;
}

const NOTHING = rankingOf([]);
/** An eighth of the machine, from 256 MiB to 2 GiB. */
const ROOM_BYTES = Math.min(
  2 ** 31,
  Math.max(2 ** 28, Math.min(totalmem(), process.constrainedMemory() || Infinity) / 8),
);
export const AT_ONCE_BYTES = 2 ** 22;
const DATABASE_BYTES = 2 ** 31;
/** Of a page. */
const PAGE_BYTES = 2 ** 21;

/** A copy of one space's vectors. Whoever refreshes it comes after those before. */
interface Copy {
  readonly tenantId: string;
  readonly matrix: Matrix;
  /** It holds all that there was when the space had this version; 0: it has not been loaded yet. */
  version: number;
  turn: Promise<unknown>;
}

export function openScanner(
  db: Db,
  log: Log,
  { roomBytes = ROOM_BYTES, atOnceBytes = AT_ONCE_BYTES, databaseBytes = DATABASE_BYTES, vectors }: ScannerOptions = {},
): Scanner {
  /** In the order of their last use. */
  const copies = new Map<string, Copy>();
  const loading = new Set<Copy>();
  const loads = new Background(log);
  const stopping = new AbortController();

  function copyOf(embedding: EmbeddingSpace, { spaceId, vectors }: VectorState): Copy {
    const key = `${embedding.id} ${spaceId}`;
    const { tenantId, dimensions } = embedding;
    const matrix = () => createMatrix(dimensions!, vectors);
    const copy = copies.get(key) ?? { tenantId, matrix: matrix(), version: 0, turn: Promise.resolve() };
    if (copy.tenantId !== tenantId) throw new TypeError('vectors of another tenant');
    copies.delete(key);
    copies.set(key, copy);
    let used = copies.values().reduce((sum, { matrix: { bytes } }) => sum + bytes, 0);
    for (const [
      other,
      {
        matrix: { bytes },
      },
    ] of copies) {
      if (used <= roomBytes) break;
      copies.delete(other);
      used -= bytes;
    }
    return copy;
  }

  /** Loads a copy in the background, as it is now or a little later. */
  function load(embedding: EmbeddingSpace, state: VectorState, copy: Copy): void {
    if (loading.has(copy)) return;
    loading.add(copy);
    const { tenantId } = embedding;
    loads.start('the loading of vectors', async () => {
      try {
        // What an attempt before has left may be gone by now.
        copy.matrix.retain(new Set());
        let after = { changed: 0, ref: '' };
        for (let isMore = true; isMore;) {
          if (stopping.signal.aborted) return;
          const rows = await inTenant(db, tenantId, (tx) => readPage(tx, embedding, state.spaceId, after, copy));
          isMore = rows.length > 0;
          after = rows.at(-1) ?? after;
        }
        copy.version = state.version;
      } finally {
        loading.delete(copy);
      }
    });
  }

  /** Undefined where it cannot, or not in time. */
  async function compareInDatabase(
    tx: Tx,
    embedding: EmbeddingSpace,
    states: readonly VectorState[],
    query: Float32Array,
  ): Promise<VectorRanking | undefined> {
    const bytes = states.reduce((sum, { vectors: count }) => sum + count * query.byteLength, 0);
    if (vectors?.available !== true || bytes > databaseBytes) return undefined;
    return rankInDatabase(tx, vectors.schema, embedding, states, query, Math.max(atOnceBytes, AT_ONCE_BYTES));
  }

  return {
    async rank(tx, embedding, spaces, query) {
      const { tenantId, dimensions, id } = embedding;
      if (spaces.some((space) => space.tenantId !== tenantId)) throw new TypeError('spaces of another tenant');
      const states = await selectStates(
        tx,
        tenantId,
        id,
        spaces.map((space) => space.id),
      );
      const size = dimensions! * Float32Array.BYTES_PER_ELEMENT;
      const bytes = states.reduce((sum, { vectors }) => sum + vectors * size, 0);
      const hasRoom = bytes <= roomBytes;
      const mayCopy = hasRoom && !states.some(({ isOwn }) => isOwn);
      const copied = mayCopy ? states.map((state) => ({ state, copy: copyOf(embedding, state) })) : [];
      const missing = copied.filter(({ state, copy }) => copy.version === 0 && state.vectors * size > atOnceBytes);
      for (const { state, copy } of missing) load(embedding, state, copy);
      const left = mayCopy ? missing.map(({ state }) => state) : states;
      const inDatabase = left.length > 0 ? await compareInDatabase(tx, embedding, left, query) : NOTHING;
      if (inDatabase === undefined) {
        if (!hasRoom) log.warn({ tenant_id: tenantId, bytes, room_bytes: roomBytes }, 'no room for vectors');
        return undefined;
      }
      const asked = copied.filter(({ state }) => !left.includes(state));
      for (const { state, copy } of asked) {
        // A refresh that failed leaves a copy that is merely older.
        const turn = copy.turn.catch(() => undefined).then(() => refresh(tx, embedding, state, copy));
        copy.turn = turn;
        await turn;
      }
      const here = rankingOf(
        asked.map(({ copy: { matrix } }) => ({ refs: matrix.refs, scores: matrix.scores(query) })),
      );
      return left.length > 0 ? mergeRankings(here, inDatabase) : here;
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await loads[Symbol.asyncDispose]();
    },
  };
}

/** Brings a copy to the state that its transaction sees, or a later one. */
async function refresh(tx: Tx, embedding: EmbeddingSpace, { spaceId, version, vectors }: VectorState, copy: Copy) {
  if (copy.version >= version) return;
  let after = { changed: copy.version, ref: LAST_REF };
  for (;;) {
    const rows = await readPage(tx, embedding, spaceId, after, copy);
    if (rows.length === 0) break;
    after = rows.at(-1)!;
  }
  // All that is there has been put in: a copy of another size holds what is gone.
  if (copy.matrix.size !== vectors)
    copy.matrix.retain(new Set(await selectRefs(tx, { ...embedding, embeddingId: embedding.id, spaceId })));
  copy.version = version;
}

/** Behind every name. */
const LAST_REF = '\u{10ffff}';

/** Puts the next vectors into a copy; answers none at the end. */
async function readPage(
  tx: Tx,
  { id: embeddingId, tenantId, dimensions }: EmbeddingSpace,
  spaceId: number,
  after: { changed: number; ref: string },
  { matrix }: Copy,
): Promise<VectorRow[]> {
  const limit = Math.ceil(PAGE_BYTES / Float32Array.BYTES_PER_ELEMENT / dimensions!);
  const rows = await selectChanged(tx, { tenantId, embeddingId, spaceId }, after, limit);
  for (const { ref, vector } of rows) matrix.put(ref, fromBytes(vector));
  return rows;
}
