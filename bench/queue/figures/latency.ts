import { measured, percentile, type Measurements } from '../../measure.ts';
import type { Contender } from '../contender.ts';
import type { WorkSettings } from '../engine.ts';
import { comparisonsOf, takeTurns, type Extent, type Table } from '../turns.ts';
import { LARGE_BATCHES } from './work.ts';

/** graphile-worker starts tasks sooner without its local queue, so it goes without. */
const ONE_BY_ONE: WorkSettings = { concurrency: 24, batch: 1 };

/**
 * Milliseconds from the call that enqueues to that of the handler in another process, where nothing else is done: 40 to 70 ms
 * pass between two tasks. Of each round the median, and the 99th percentile of all rounds together.
 */
export async function measureLatency(contenders: readonly Contender[], extent: Extent): Promise<Measurements> {
  const title = 'idle, enqueue to start';
  const samples = extent.quick ? 12 : 60;
  const sides = new Map(
    contenders.map((contender) => [`${title}: ${contender.name}`, () => sample(contender, samples)] as const),
  );
  const taken = await takeTurns(extent.rounds, sides, extent.problems);
  const names = contenders.map(({ name }) => name);
  const pooled = new Map([...taken].map(([name, rounds]) => [name, [rounds.flat()]]));
  const median = (values: readonly number[]) => percentile(values, 50);
  const worst = (values: readonly number[]) => percentile(values, 99);
  const tail = comparisonsOf(pooled, title, names, worst);
  const figures: Table = {};
  for (const [name, rounds] of taken) {
    figures[`${name}, p50`] = measured(rounds.map(median), 'ms');
    figures[`${name}, p99 of ${rounds.flat().length}`] = measured([worst(rounds.flat())], 'ms');
  }
  return {
    ratios: {
      ...comparisonsOf(taken, title, names, median, { 'graphile-worker': { atMost: 0.7 } }),
      ...Object.fromEntries(Object.entries(tail).map(([name, ratio]) => [`${name}, p99`, ratio])),
    },
    figures,
  };
}

async function sample({ name, front, workers }: Contender, samples: number): Promise<number[]> {
  const worker = workers[0]!;
  await front.call('clear');
  await worker.call('startWork', name === 'graphile-worker' ? ONE_BY_ONE : LARGE_BATCHES);
  await front.call('enqueueTimed', samples);
  while ((await front.call('counts')).unfinished > 0);
  const latencies = await worker.call('latencies');
  await worker.call('stopWork');
  if (latencies.length !== samples) throw new Error(`of ${samples} tasks ${latencies.length} were started`);
  return latencies;
}
