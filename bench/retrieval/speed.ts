import { inTenant, type Database } from '@reeve/db';
import { DEFAULT_RULES, remember } from '@reeve/memory';
import { measured, percentile, type Measured } from '../measure.ts';
import type { Document } from './collections.ts';
import type { Contender } from './contender.ts';

/** Chunks of one call, and of one transaction. */
const BATCH = 1_000;

/** Adds chunks and answers how many seconds that took. */
export async function build(contender: Contender, count: number, make: (from: number, count: number) => Document[]) {
  let seconds = 0;
  let bytes = 0;
  for (let from = 0; from < count; from += BATCH) {
    const chunks = make(from, Math.min(BATCH, count - from));
    bytes += chunks.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    const begun = performance.now();
    await contender.add(chunks);
    seconds += (performance.now() - begun) / 1000;
  }
  return { seconds, bytes };
}

/** Milliseconds of each query for each contender, taken in turns so that a busy moment of the machine meets all of them. */
export async function measureLatency(
  contenders: readonly Contender[],
  queries: readonly string[],
): Promise<Map<Contender, number[]>> {
  const times = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]));
  for (const contender of contenders) await contender.search(queries[0]!, 10);
  for (const query of queries)
    for (const [contender, all] of times) {
      const begun = performance.now();
      await contender.search(query, 10);
      all.push(performance.now() - begun);
    }
  return times;
}

/** The median and the 95th percentile, as two figures. */
export function latencyFigures(name: string, times: readonly number[], goalMs?: number): Record<string, Measured> {
  return {
    [`${name}, p50`]: measured([percentile(times, 50)], 'ms'),
    [`${name}, p95`]: measured([percentile(times, 95)], 'ms', goalMs === undefined ? undefined : { atMost: goalMs }),
  };
}

/** Milliseconds that each of so many texts takes to be remembered. */
export async function measureRemember({ db }: Database, texts: readonly string[]): Promise<number[]> {
  const who = { tenantId: 'default', userId: 'bench', traceId: 'bench' };
  const times: number[] = [];
  for (const text of texts) {
    const begun = performance.now();
    await inTenant(db, 'default', (tx) => remember(tx, who, { text, tags: [] }, DEFAULT_RULES));
    times.push(performance.now() - begun);
  }
  return times;
}
