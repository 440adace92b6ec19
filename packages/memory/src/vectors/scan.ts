import type { Tx } from '@reeve/db';
import { createHeap } from '../lexical/heap.ts';
import type { Space } from '../lexical/space.ts';
import { createMatrix, innerProduct, type Matrix } from './matrix.ts';
import type { EmbeddingSpace } from './space.ts';
import { fromBytes, selectChanged, selectRefs, selectStates, type VectorState } from './store.ts';

/*
 * An exact scan: the query's vector is compared with every vector of the spaces that are searched, and with no other. Copies of
 * vectors stay in this process, by space, as long as there is room; the least lately used goes first. What others changed meanwhile
 * is read by the version of the space, which each change raises, in the transaction that asks. A space that is larger than all the
 * room, or that this very transaction has changed, is read anew, a page at a time.
 */

/** A text with a vector. */
export interface SimilarText {
  readonly ref: string;
  /** The cosine, from -1 to 1. */
  readonly score: number;
}

/** What is most like a query, first; of the same score in the descending order of their refs. */
export interface VectorRanking {
  readonly size: number;
  /** The next `count` of them, fewer only at the end. */
  readonly take: (count: number) => SimilarText[];
}

export interface Scanner {
  /** Ranks a tenant's spaces by a vector of length 1. Throws `TypeError` for spaces of another tenant. */
  rank(tx: Tx, embedding: EmbeddingSpace, spaces: readonly Space[], query: Float32Array): Promise<VectorRanking>;
}

export const ROOM_BYTES = 256 * 2 ** 20;
/** Vectors that are read in one go. */
const PAGE = 1_000;

/** A copy of one space's vectors, with how recent it is. Whoever refreshes it comes after those before. */
interface Copy {
  readonly tenantId: string;
  readonly matrix: Matrix;
  version: number;
  turn: Promise<unknown>;
}

export function createScanner(roomBytes = ROOM_BYTES): Scanner {
  /** In the order of their last use. */
  const copies = new Map<string, Copy>();
  async function copyOf(tx: Tx, embedding: EmbeddingSpace, state: VectorState): Promise<Copy> {
    const key = `${embedding.id} ${state.spaceId}`;
    const { tenantId } = embedding;
    const copy = copies.get(key) ?? {
      tenantId,
      matrix: createMatrix(embedding.dimensions!, state.vectors),
      version: 0,
      turn: Promise.resolve(),
    };
    if (copy.tenantId !== tenantId) throw new TypeError('vectors of another tenant');
    copies.delete(key);
    copies.set(key, copy);
    // A refresh that failed leaves a copy that is merely older.
    const turn = copy.turn.catch(() => undefined).then(() => refresh(tx, embedding, state, copy));
    copy.turn = turn;
    await turn;
    return copy;
  }

  function makeRoom(): void {
    let used = copies.values().reduce((sum, { matrix }) => sum + matrix.bytes, 0);
    for (const [key, { matrix }] of copies) {
      if (used <= roomBytes) return;
      copies.delete(key);
      used -= matrix.bytes;
    }
  }

  return {
    async rank(tx, embedding, spaces, query) {
      const { tenantId, dimensions } = embedding;
      if (spaces.some((space) => space.tenantId !== tenantId)) throw new TypeError('spaces of another tenant');
      const ids = spaces.map(({ id }) => id);
      const found: Scored[] = [];
      for (const state of await selectStates(tx, tenantId, embedding.id, ids)) {
        if (state.isOwn || state.vectors * dimensions! * Float32Array.BYTES_PER_ELEMENT > roomBytes) {
          found.push(await scanPages(tx, embedding, state.spaceId, query));
          continue;
        }
        const { matrix } = await copyOf(tx, embedding, state);
        found.push({ refs: [...matrix.refs], scores: matrix.scores(query) });
        makeRoom();
      }
      return rankingOf(found);
    },
  };
}

interface Scored {
  readonly refs: readonly string[];
  readonly scores: ArrayLike<number>;
}

/** Brings a copy to the state that its transaction sees, or a later one. */
async function refresh(tx: Tx, { id: embeddingId, tenantId }: EmbeddingSpace, state: VectorState, copy: Copy) {
  const { spaceId, version, vectors } = state;
  if (copy.version >= version) return;
  const of = { tenantId, embeddingId, spaceId };
  let after = { changed: copy.version, ref: LAST_REF };
  for (;;) {
    const rows = await selectChanged(tx, of, after, PAGE);
    for (const { ref, vector } of rows) copy.matrix.put(ref, fromBytes(vector));
    if (rows.length < PAGE) break;
    after = rows.at(-1)!;
  }
  // All that is there has been put in: a copy of another size holds what is gone.
  if (copy.matrix.size !== vectors) copy.matrix.retain(new Set(await selectRefs(tx, of)));
  copy.version = version;
}

/** Behind every name. */
const LAST_REF = '\u{10ffff}';

async function scanPages(
  tx: Tx,
  { id: embeddingId, tenantId }: EmbeddingSpace,
  spaceId: number,
  query: Float32Array,
): Promise<Scored> {
  const refs: string[] = [];
  const scores: number[] = [];
  let after = { changed: 0, ref: '' };
  for (;;) {
    const rows = await selectChanged(tx, { tenantId, embeddingId, spaceId }, after, PAGE);
    for (const { ref, vector } of rows) {
      refs.push(ref);
      scores.push(innerProduct(fromBytes(vector), 0, query));
    }
    if (rows.length < PAGE) return { refs, scores };
    after = rows.at(-1)!;
  }
}

function rankingOf(found: readonly Scored[]): VectorRanking {
  const size = found.reduce((sum, { refs }) => sum + refs.length, 0);
  const refs: string[] = [];
  const scores = new Float64Array(size);
  for (const one of found) {
    scores.set(one.scores, refs.length);
    for (const ref of one.refs) refs.push(ref);
  }
  const heap = createHeap(scores);
  let ready: SimilarText[] = [];
  return {
    size,
    take(count) {
      const picked: SimilarText[] = [];
      const isTied = () => heap.top() === picked.at(-1)?.score;
      while (heap.top() !== undefined && (ready.length + picked.length < count || isTied())) {
        const index = heap.pop();
        picked.push({ ref: refs[index]!, score: scores[index]! });
      }
      picked.sort((one, other) => other.score - one.score || (one.ref < other.ref ? 1 : -1));
      ready = [...ready, ...picked];
      return ready.splice(0, count);
    },
  };
}
