import { createBreaker, ReeveError, type BreakerState, type Log } from '@reeve/kit';
import { withoutSecrets, type MemoryRulesOf } from '../care/sensitive.ts';
import type { EmbedQuery, QueryVector } from '@reeve/retrieval';
import type { EmbedMemoryQuery } from '../query-embedders.ts';
import type { ExternalAnswer } from './answer.ts';
import type { ExternalMemory } from './client.ts';
import { countRecall, showCircuit } from './instruments.ts';

/** How an external backend does. */
export interface ExternalState {
  /** State of searches; `closed` also when the next search will try again. */
  readonly circuit: () => BreakerState;
}

export interface ExternalQueryOptions {
  /** Pause after repeated failures. */
  readonly resetMs?: number;
}

const RESET_MS = 15_000;
/** Consecutive failures that open the breaker. */
const THRESHOLD = 3;
/** Memories requested: some will belong to other personas. Older versions refuse more than 50. */
const COUNT = 50;
/** Characters of a query that are sent. */
const QUERY_LENGTH = 2_000;
/** Characters searched for secrets: more than are sent, since a truncated secret would not be recognized. */
const LOOKED_AT = 4 * QUERY_LENGTH;

/**
 * Asks an external backend beside making the query a vector, both outside of any transaction. What the tenant's rules keep out of
 * memory is masked in what it is asked. Never throws for the backend's faults: the answer says so, and everything goes on without.
 */
export function openExternalQuery(
  memory: ExternalMemory,
  embedQuery: EmbedQuery | undefined,
  rulesOf: MemoryRulesOf,
  log: Log,
  { resetMs = RESET_MS }: ExternalQueryOptions = {},
): EmbedMemoryQuery & ExternalState {
  const onChange = (state: BreakerState) => {
    showCircuit(state);
    if (state === 'open') log.warn({ backend: memory.name }, 'the external memory is not asked for a while');
  };
  const breaker = createBreaker({ threshold: THRESHOLD, resetMs, message: `${memory.name} did not answer`, onChange });
  showCircuit(breaker.state());
  let answers = true;

  async function hitsOf(tenantId: string, query: string, signal: AbortSignal | undefined): Promise<ExternalAnswer> {
    const said = query.slice(0, LOOKED_AT).trim();
    if (said === '') return { hits: [] };
    const text = withoutSecrets(said, await rulesOf(tenantId))
      .slice(0, QUERY_LENGTH)
      .toWellFormed();
    try {
      const hits = await breaker.run(() => memory.recall(tenantId, text, COUNT, signal));
      countRecall('ok');
      if (!answers) log.info({ backend: memory.name }, 'the external memory answers again');
      answers = true;
      return { hits };
    } catch (error) {
      const { reason } = ReeveError.from(error);
      countRecall(reason);
      if (reason !== 'cancelled') {
        if (answers)
          log.warn({ err: error, backend: memory.name }, 'the external memory does not answer; the built-in one does');
        answers = false;
      }
      return { hits: undefined };
    }
  }

  const ask: EmbedMemoryQuery = async (tenantId, query, signal) => {
    const [external, vector] = await Promise.all([
      hitsOf(tenantId, query, signal),
      embedQuery?.(tenantId, query, signal),
    ]);
    return { rank: vector === undefined ? noRanking : (tx, spaces) => vector.rank(tx, spaces), external };
  };
  return Object.assign(ask, { circuit: () => (breaker.allows() ? 'closed' : breaker.state()) });
}

const noRanking: QueryVector['rank'] = async () => undefined;
