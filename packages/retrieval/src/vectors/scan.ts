import { totalmem } from 'node:os';
import { inTenant, type Db, type Tx, type VectorSupport } from '@reeve/db';
import { Background, type Log } from '@reeve/kit';
import type { Space } from '../space.ts';
import { positionOf, createCopies, inTurn, readPage, refresh, type Copy, type CachePosition } from './vector-cache.ts';
import { rankInDatabase } from './in-database.ts';
import { mergeRankings, rankingOf, type VectorRanking } from './ranking.ts';
import type { EmbeddingSpace } from './embedding-space.ts';
import { countChanged, selectStates, type VectorState } from './store.ts';

/*
 * An exact scan: the query's vector is compared with every vector of the spaces that are searched, and with no other. Copies of
 * vectors stay in this process, by space, as long as there is room; the least lately used goes first.
 *
 *   (none) ──asked for──► lacking ──loaded, a page a transaction, or read at once──► kept ──space has changed──► lacking
 *
 * How old a copy is its space's version tells, which each change raises: it is read in the transaction that asks, whoever made the
 * change. What a query's copies lack is counted before it is read. A little of it, over all its spaces, the query reads itself; for
 * the rest nobody waits, and nobody else who has the one connection of the embedded database. A copy that is being loaded keeps its
 * room, and for a while after: if the cache is full, the query bypasses it. Instead of a copy that is not there or
 * not up to date, the database compares the vectors itself if it has pgvector, which takes longer; if it has not, there is no ranking.
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
  /**
   * Of vectors that a query reads into copies in its own transaction, over all its spaces. Where the database compares, it may read
   * as many again that the database has not copied, or 4 MiB where this is less.
   */
  readonly atOnceBytes?: number;
  /** Of vectors that the database compares for one query, where it can. */
  readonly databaseBytes?: number;
  /** How long a copy keeps its room after it has been loaded in the background. */
  readonly stayMs?: number;
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
const STAY_MS = 60_000;
/** Between two lines that say that there is no room. */
const SAID_MS = 600_000;

export function openScanner(
  db: Db,
  log: Log,
  {
    roomBytes = ROOM_BYTES,
    atOnceBytes = AT_ONCE_BYTES,
    databaseBytes = DATABASE_BYTES,
    stayMs = STAY_MS,
    vectors,
  }: ScannerOptions = {},
): Scanner {
  const copies = createCopies(roomBytes);
  const loads = new Background(log);
  const stopping = new AbortController();
  /** Pages of all loads come one after the other, so that queries find connections. */
  let lastPage: Promise<unknown> = Promise.resolve();
  let saidAt = -Infinity;

  /** Loads what a copy lacks in the background, as it is now or a little later, while it is kept and has room. */
  function load(embedding: EmbeddingSpace, { spaceId }: VectorState, copy: Copy): void {
    if (copy.isLoading) return;
    copy.isLoading = true;
    const { tenantId, id } = embedding;
    let after: CachePosition | undefined = positionOf(copy);
    const loadPage = () =>
      inTenant(db, tenantId, (tx) =>
        inTurn(copy, async () => {
          const [state] = await selectStates(tx, tenantId, id, [spaceId]);
          if (state === undefined || !copies.has(copy)) return undefined;
          if (copies.keep(embedding, state) === undefined) return sayNoRoom(embedding, state.vectors);
          return readPage(tx, embedding, state, after!, copy);
        }),
      );
    loads.start('the loading of vectors', async () => {
      try {
        while (after !== undefined && copies.has(copy) && !stopping.signal.aborted) {
          const page: Promise<CachePosition | undefined> = lastPage.catch(() => undefined).then(loadPage);
          lastPage = page;
          after = await page;
        }
        copy.staysUntil = performance.now() + stayMs;
      } finally {
        copy.isLoading = false;
      }
    });
  }

  function sayNoRoom({ tenantId, dimensions }: EmbeddingSpace, count: number): undefined {
    if (performance.now() - saidAt < SAID_MS) return;
    saidAt = performance.now();
    const bytes = count * dimensions! * Float32Array.BYTES_PER_ELEMENT;
    log.warn({ tenant_id: tenantId, bytes, room_bytes: roomBytes }, 'no room for vectors');
  }

  /** Answers how many vectors a space's copy lacks; where that is more than `most`, some number that is more too. */
  async function countLacks(tx: Tx, embedding: EmbeddingSpace, states: readonly VectorState[], most: number) {
    const old = states.flatMap(({ spaceId, version }) => {
      const copy = copies.get(embedding, spaceId);
      return copy !== undefined && copy.version > 0 && copy.version < version
        ? [{ spaceId, version: copy.version }]
        : [];
    });
    const counts = old.length > 0 ? await countChanged(tx, embedding, old, most + 1) : new Map<number, number>();
    return ({ spaceId, version, vectors: count }: VectorState, copy: Copy): number => {
      if (copy.version >= version) return 0;
      return copy.version === 0 ? count : (counts.get(spaceId) ?? count);
    };
  }

  /** The copies that this transaction can bring up to date, those that lack least first; the others are loaded, where they have room. */
  async function chooseCopies(
    tx: Tx,
    embedding: EmbeddingSpace,
    states: readonly VectorState[],
  ): Promise<Map<VectorState, Copy>> {
    const size = embedding.dimensions! * Float32Array.BYTES_PER_ELEMENT;
    let most = Math.floor(atOnceBytes / size);
    const lackOf = await countLacks(tx, embedding, states, most);
    // From here on nothing is awaited: what has been counted is what is decided by.
    const kept = new Map<VectorState, Copy>();
    for (const state of states) {
      const copy = copies.keep(embedding, state, new Set(kept.values()));
      if (copy === undefined) sayNoRoom(embedding, state.vectors);
      else kept.set(state, copy);
    }
    const lacks = [...kept].map(([state, copy]) => ({ state, copy, lack: lackOf(state, copy) }));
    for (const { state, copy, lack } of lacks.sort((one, other) => one.lack - other.lack)) {
      if (lack === 0 || (lack <= most && !copy.isLoading)) {
        most -= lack;
        continue;
      }
      kept.delete(state);
      load(embedding, state, copy);
    }
    return kept;
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
      const count = states.reduce((sum, { vectors }) => sum + vectors, 0);
      const hasRoom = count * dimensions! * Float32Array.BYTES_PER_ELEMENT <= roomBytes;
      if (!hasRoom) sayNoRoom(embedding, count);
      const mayCopy = hasRoom && !states.some(({ isOwn }) => isOwn);
      const asked = mayCopy ? await chooseCopies(tx, embedding, states) : new Map<VectorState, Copy>();
      const left = states.filter((state) => !asked.has(state));
      const inDatabase = left.length > 0 ? await compareInDatabase(tx, embedding, left, query) : NOTHING;
      if (inDatabase === undefined) return undefined;
      for (const [state, copy] of asked)
        if (copy.version < state.version) await inTurn(copy, () => refresh(tx, embedding, state, copy));
      const here = rankingOf(
        Array.from(asked.values(), ({ matrix }) => ({ refs: matrix.refs, scores: matrix.scores(query) })),
      );
      return left.length > 0 ? mergeRankings(here, inDatabase) : here;
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await loads[Symbol.asyncDispose]();
    },
  };
}
