import { inTenant, type Database, type Tx } from '@reeve/db';
import { createBreaker, ReeveError, type Breaker, type Log } from '@reeve/kit';
import type { Space } from '../space.ts';
import { mayBeText, type Embedder, type Embedders } from './embedder.ts';
import { unit } from './matrix.ts';
import type { VectorRanking } from './ranking.ts';
import { openScanner } from './scan.ts';
import { findLive, type EmbeddingSpace } from './embedding-space.ts';

/** A query as a vector of its tenant's live model. */
export interface QueryVector {
  /** Ranks spaces by it; undefined where it cannot be compared: its space is not live any more, or nothing can compare it yet. */
  rank(tx: Tx, spaces: readonly Space[]): Promise<VectorRanking | undefined>;
}

/**
 * Embeds a query, outside of any transaction. Returns undefined if the search has to be lexical: the tenant has no live vectors, or the
 * embedder does not answer in time. Never throws for the embedder's faults.
 */
export type EmbedQuery = (tenantId: string, query: string, signal?: AbortSignal) => Promise<QueryVector | undefined>;

export interface QueryEmbedderOptions {
  /** How long an embedder may take for a query. */
  readonly patienceMs?: number;
  /** How long one that failed repeatedly is not asked. */
  readonly resetMs?: number;
}

const PATIENCE_MS = 1_500;
const RESET_MS = 30_000;
/** Of vectors that the embedded database may compare for a query: a second, in which this process does nothing else. */
const EMBEDDED_BYTES = 2 ** 28;
/** Faults in a row after which nobody waits any more. */
const THRESHOLD = 3;
/** Characters of a query that are looked at. */
const QUERY_LENGTH = 2_000;

/** Opens an embedder of queries with a cache of the vectors they are compared with, until disposed. */
export function openQueryEmbedder(
  { db, kind, vectors }: Pick<Database, 'db' | 'kind' | 'vectors'>,
  embedders: Embedders,
  log: Log,
  { patienceMs = PATIENCE_MS, resetMs = RESET_MS }: QueryEmbedderOptions = {},
): EmbedQuery & AsyncDisposable {
  if (!vectors.available) log.info({ reason: vectors.reason }, 'vectors are compared in this process only');
  const scanner = openScanner(db, log, { vectors, ...(kind === 'pglite' && { databaseBytes: EMBEDDED_BYTES }) });
  const breakers = new Map<string, Breaker>();
  const breakerOf = (model: string): Breaker => {
    const message = `${model} did not answer lately`;
    const breaker = breakers.get(model) ?? createBreaker({ threshold: THRESHOLD, resetMs, message });
    breakers.set(model, breaker);
    return breaker;
  };
  const ask: EmbedQuery = async (tenantId, query, signal) => {
    const text = query.slice(0, QUERY_LENGTH).toWellFormed().trim();
    if (text === '') return undefined;
    const live = await inTenant(db, tenantId, (tx) => findLive(tx, tenantId));
    if (live === undefined || live.dimensions === null) return undefined;
    const embedder = embedders.of(live.model);
    const breaker = breakerOf(live.model);
    if (embedder === undefined || !breaker.allows()) return undefined;
    try {
      const vector = await embedInTime(embedder, breaker, live, text, patienceMs, signal);
      return {
        async rank(tx, spaces) {
          const now = await findLive(tx, tenantId);
          return now?.id === live.id ? scanner.rank(tx, live, spaces, vector) : undefined;
        },
      };
    } catch (error) {
      log.warn({ err: error, model: live.model }, 'a query has no vector; the answer is lexical');
      return undefined;
    }
  };
  return Object.assign(ask, { [Symbol.asyncDispose]: () => scanner[Symbol.asyncDispose]() });
}

async function embedInTime(
  embedder: Embedder,
  breaker: Breaker,
  { tenantId, dimensions, model }: EmbeddingSpace,
  text: string,
  patienceMs: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const breakerCall = breaker.begin();
  const late = AbortSignal.timeout(patienceMs);
  try {
    const either = signal === undefined ? late : AbortSignal.any([late, signal]);
    const [vector] = await embedder.embed(tenantId, [text], either, 'caller');
    const direction = vector === undefined ? undefined : unit(vector);
    if (direction?.length !== dimensions)
      throw new ReeveError(
        'malformed_answer',
        `${model} made a vector of ${vector?.length} numbers, not ${dimensions}`,
      );
    await breakerCall.end('ok');
    return direction;
  } catch (error) {
    // Who has no money left, went away, or asked what cannot be embedded, proves nothing.
    const isFault =
      late.aborted || (ReeveError.from(error).code !== 'aborted' && !isRefusal(error) && !mayBeText(error));
    await breakerCall.end(isFault ? 'fault' : 'not_sent');
    throw late.aborted
      ? new ReeveError('timeout', `${model} took longer than ${patienceMs} ms`, { cause: error })
      : error;
  }
}

/** True where a tenant may not have asked, and the embedder was not. */
function isRefusal(error: unknown): boolean {
  const { reason } = ReeveError.from(error);
  return reason === 'budget_exhausted' || reason === 'policy_denied' || reason === 'forbidden';
}
