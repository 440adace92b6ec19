import { inTenant, type Db } from '@reeve/db';
import { ReeveError, type Log } from '@reeve/kit';
import type { BatchSize } from './batch-size.ts';
import { mayBeText, type Embedder } from './embedder.ts';
import { embeddingInputOf, hashOf } from './embedding-input.ts';
import { unit } from './matrix.ts';
import { isHeld } from './embedding-space.ts';
import {
  ensureDimensions,
  lockProgress,
  selectHashes,
  selectNextEntries,
  selectSame,
  storeVectors,
  type NewVector,
  type PendingEntry,
  type PendingSpace,
} from './store.ts';
import type { ReadTexts } from './read-texts.ts';

/** How a batch is embedded. */
interface Work {
  readonly readTexts: ReadTexts;
  /** Whoever holds the embedding space; a batch of somebody else is thrown away. */
  readonly holder: string;
  /** Holds the space for longer than an embedder may take for a batch. */
  readonly hold: () => Promise<unknown>;
  readonly size: BatchSize;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A text that has no vector yet, or one of what it said before. */
interface Wanted extends PendingEntry {
  readonly input: string;
  readonly hash: string;
}

/**
 * Gives the next texts of a space their vectors: read in one transaction, stored in another, embedded between the two. What says the
 * same as another text of the tenant takes that one's. Answers whether there were any. Throws as the embedder does, and
 * `timeout` where it takes too long: the next batch is smaller then.
 */
export async function embedNext(db: Db, space: PendingSpace, embedder: Embedder, work: Work): Promise<boolean> {
  const { tenantId } = space;
  const batch = await inTenant(db, tenantId, async (tx) => {
    const { from, end, entries } = await selectNextEntries(tx, space, work.size.of(embedder));
    const refs = entries.map(({ ref }) => ref);
    const texts = await work.readTexts(tx, space, refs);
    const inputs = new Map(texts.map((text) => [text.ref, embeddingInputOf(text)]));
    const hashes = await selectHashes(tx, space, refs);
    const wanted = entries.flatMap(({ entry, ref }): Wanted[] => {
      const input = inputs.get(ref) ?? '';
      const hash = hashOf(input);
      return input === '' || hashes.get(ref) === hash ? [] : [{ entry, ref, input, hash }];
    });
    const same = await selectSame(
      tx,
      space,
      wanted.map(({ hash }) => hash),
    );
    return { from, end, wanted, same };
  });
  const { from, end, wanted, same } = batch;
  if (end === from) return false;
  const vectors = await vectorsOf(wanted, same, embedder, tenantId, work);
  return inTenant(db, tenantId, async (tx) => {
    if ((await lockProgress(tx, space)) !== from || !(await isHeld(tx, space.embeddingId, work.holder))) return false;
    const [first] = vectors;
    if (first !== undefined) {
      const dimensions = await ensureDimensions(tx, space.embeddingId, first.vector.length);
      const odd = vectors.find(({ vector }) => vector.length !== dimensions);
      if (odd !== undefined)
        throw new ReeveError(
          'malformed_answer',
          `${embedder.model} makes vectors of ${odd.vector.length} numbers, where it made some of ${dimensions} before: another model needs another name`,
        );
    }
    await storeVectors(tx, space, end, vectors);
    return true;
  });
}

async function vectorsOf(
  wanted: readonly Wanted[],
  same: ReadonlyMap<string, Float32Array>,
  embedder: Embedder,
  tenantId: string,
  work: Work,
): Promise<NewVector[]> {
  const known = new Map(same);
  const missing = new Map(wanted.filter(({ hash }) => !known.has(hash)).map(({ hash, input }) => [hash, input]));
  const made = await embedAll(embedder, tenantId, [...missing.values()], work);
  for (const [index, hash] of [...missing.keys()].entries()) {
    const direction = made[index] === undefined ? undefined : unit(made[index]);
    if (direction !== undefined) known.set(hash, direction);
  }
  return wanted.flatMap(({ entry, ref, hash }) => {
    const vector = known.get(hash);
    return vector === undefined ? [] : [{ entry, ref, hash, vector }];
  });
}

/** A vector for each text; undefined for one that the embedder refuses by itself. */
async function embedAll(
  embedder: Embedder,
  tenantId: string,
  texts: readonly string[],
  { log, signal, hold, size }: Work,
): Promise<(Float32Array | undefined)[]> {
  if (texts.length === 0) return [];
  const embed = (some: readonly string[]) => embedInTime(embedder, tenantId, some, size, signal);
  try {
    return await embed(texts);
  } catch (error) {
    if (!mayBeText(error)) throw error;
    // A text that nobody could refuse tells whether it is the texts' fault.
    await hold();
    await embed(['text']);
  }
  const vectors: (Float32Array | undefined)[] = [];
  for (const text of texts)
    try {
      await hold();
      vectors.push((await embed([text]))[0]);
    } catch (error) {
      if (!mayBeText(error)) throw error;
      log.warn({ err: error, tenant_id: tenantId, model: embedder.model }, 'a text is refused, and has no vector');
      vectors.push(undefined);
    }
  return vectors;
}

async function embedInTime(
  embedder: Embedder,
  tenantId: string,
  texts: readonly string[],
  size: BatchSize,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const late = AbortSignal.timeout(size.patienceMs);
  const askedAt = performance.now();
  try {
    const vectors = await embedder.embed(tenantId, texts, AbortSignal.any([signal, late]));
    size.took(embedder, texts.length, performance.now() - askedAt);
    return vectors;
  } catch (error) {
    if (signal.aborted) throw error;
    const isLate = late.aborted || ReeveError.from(error).reason === 'timeout';
    if (isLate) size.late(embedder, texts.length);
    if (!late.aborted) throw error;
    const message = `${embedder.model} took longer than ${size.patienceMs} ms for ${texts.length} texts`;
    throw new ReeveError('timeout', message, { cause: error });
  }
}
