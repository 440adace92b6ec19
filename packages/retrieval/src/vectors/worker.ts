import { randomUUID } from 'node:crypto';
import { inTenant, startRounds, type Database, type RoundOptions } from '@reeve/db';
import { backoffMs, ReeveError, type Log } from '@reeve/kit';
import { createBatchSize } from './batch-size.ts';
import { embedNext } from './batch.ts';
import type { Embedders } from './embedder.ts';
import { copyVectors } from './in-database.ts';
import type { ReadTexts } from './read-texts.ts';
import { AT_ONCE_BYTES } from './scan.ts';
import { adoptModel, goLive, holdSpace, releaseSpace, removeNextRetired } from './embedding-space.ts';
import { selectPending, type PendingSpace } from './store.ts';

/*
 * One process's share in giving texts their vectors, behind the commits.
 *
 *   asleep ──the journal has news, five seconds──► batches until nothing is left ──pause──► asleep
 *   an embedding space: free ──hold, two minutes──► ours, batch after batch ──nothing left, failed──► free
 *
 * Any number may run: a space is filled by one at a time, and how far it is filled changes in the transaction that stores vectors.
 * A process that dies loses the batch that it was at; its hold lapses. A space that failed is left alone for a while, longer each
 * time. The process that was started last decides which model is wanted: each decides once for a tenant, when it first sees it.
 */

/** Longer than an embedder may take for a batch. */
const HOLD_MS = 120_000;
/** Batches of one lexical space before the next has its turn. */
const BATCHES = 16;
const FIRST_REST_MS = 2_000;
const LONGEST_REST_MS = 300_000;

export interface EmbeddingOptions extends RoundOptions {
  readonly holdMs?: number;
  /** How long an embedder may take for a batch; a minute by default. */
  readonly patienceMs?: number;
  /** After a first failure; each further one in a row doubles it. */
  readonly restMs?: number;
  /** Of vectors of one space, above which the database gets a copy that it can compare. */
  readonly copiedBytes?: number;
}

/** Gives texts their vectors in the background, until disposed. */
export function startEmbedding(
  database: Database,
  embedders: Embedders,
  readTexts: ReadTexts,
  log: Log,
  options: EmbeddingOptions = {},
): AsyncDisposable {
  const { round } = createEmbeddingWorker(database, embedders, readTexts, log, options);
  return startRounds(database, log, { name: 'the embedding of texts', round }, options);
}

/** What a process knows between rounds. */
export interface EmbeddingWorker {
  /** Does all that can be done now. Rejects where the database fails. */
  round(signal: AbortSignal): Promise<void>;
}

export function createEmbeddingWorker(
  database: Database,
  embedders: Embedders,
  readTexts: ReadTexts,
  log: Log,
  { holdMs = HOLD_MS, patienceMs, restMs = FIRST_REST_MS, copiedBytes = AT_ONCE_BYTES }: EmbeddingOptions = {},
): EmbeddingWorker {
  const { db, vectors } = database;
  const holder = randomUUID();
  const size = createBatchSize(patienceMs);
  const decided = new Set<string>();
  const rests = new Map<number, { times: number; until: number }>();

  async function decide(): Promise<void> {
    const rows = await db.selectFrom('lexical_spaces').select('tenant_id').distinct().execute();
    for (const { tenant_id: tenantId } of rows) {
      if (decided.has(tenantId)) continue;
      await inTenant(db, tenantId, (tx) => adoptModel(tx, tenantId, embedders.wanted.model));
      decided.add(tenantId);
    }
  }

  /** Answers whether anything was done. */
  async function fill(id: number, spaces: readonly PendingSpace[], signal: AbortSignal): Promise<boolean> {
    const embedder = embedders.of(spaces[0]!.model);
    const isResting = performance.now() < (rests.get(id)?.until ?? 0);
    if (embedder === undefined || isResting) return false;
    const hold = () => holdSpace(db, id, holder, holdMs);
    try {
      let isDone = false;
      for (const space of spaces)
        for (let batch = 0; batch < BATCHES && !signal.aborted; batch += 1) {
          if (!(await hold())) return isDone;
          if (!(await embedNext(db, space, embedder, { readTexts, holder, hold, size, log, signal }))) break;
          isDone = true;
        }
      rests.delete(id);
      return isDone;
    } catch (error) {
      if (signal.aborted) return false;
      rest(id, spaces[0]!, error);
      return false;
    } finally {
      await releaseSpace(db, id, holder);
    }
  }

  function rest(id: number, { tenantId, model }: PendingSpace, error: unknown): void {
    const times = (rests.get(id)?.times ?? 0) + 1;
    const { retryAfterMs = 0 } = ReeveError.from(error);
    const doubled = backoffMs(times - 1, { firstMs: restMs, longestMs: Infinity });
    const ms = Math.max(retryAfterMs, Math.min(LONGEST_REST_MS, doubled));
    rests.set(id, { times, until: performance.now() + ms });
    log.warn({ err: error, tenant_id: tenantId, model, rest_ms: Math.round(ms) }, 'texts have no vectors yet; resting');
  }

  async function swap(): Promise<void> {
    const building = await db
      .selectFrom('embedding_spaces')
      .select(['id', 'tenant_id', 'model'])
      .where('state', '=', 'building')
      .execute();
    for (const { id, tenant_id: tenantId, model } of building)
      if (await inTenant(db, tenantId, (tx) => goLive(tx, { id, tenantId })))
        log.info({ tenant_id: tenantId, model }, 'every text has its vector; answers use them');
  }

  return {
    async round(signal) {
      await decide();
      for (let isMore = true; isMore && !signal.aborted;) {
        isMore = false;
        const pending = Map.groupBy(await selectPending(db), ({ embeddingId }) => embeddingId);
        for (const [id, spaces] of pending) if (!signal.aborted && (await fill(id, spaces, signal))) isMore = true;
      }
      if (vectors.available) await copyVectors(db, vectors.schema, copiedBytes, signal);
      await swap();
      while (!signal.aborted && (await removeNextRetired(db)));
    },
  };
}
