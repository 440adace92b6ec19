import { measured, type Measurements } from '../../measure.ts';
import type { Contender } from '../contender.ts';
import { drain, rateBetween, type Drained } from '../drain.ts';
import { holdSnapshot, vacuum } from '../postgres.ts';
import { takeTurns, type Extent, type Table } from '../turns.ts';
import { LARGE_BATCHES } from './work.ts';

/**
 * How much of its speed an engine keeps while an idle transaction keeps dead rows from being removed: the rate between 60 %
 * and 90 % of the work over that between 5 % and 35 %.
 */
export async function measureSnapshot(contenders: readonly Contender[], extent: Extent): Promise<Measurements> {
  const tasks = extent.quick ? 12_000 : 300_000;
  const title = 'snapshot held, last / first';
  const sides = new Map(
    contenders.map((contender) => [`${title}: ${contender.name}`, () => drainHeld(contender, tasks)] as const),
  );
  const drained = await takeTurns(extent.rounds, sides, extent.problems);
  const ratios: Table = {};
  const figures: Table = {};
  for (const [name, rounds] of drained) {
    const first = rounds.map((one) => rateBetween(one, 0.05, 0.35));
    const last = rounds.map((one) => rateBetween(one, 0.6, 0.9));
    const kept = last.map((rate, round) => rate / first[round]!);
    ratios[name] = measured(kept, '×', name.endsWith(': Reeve') ? { atLeast: 0.85 } : undefined);
    figures[`${name}, first`] = measured(first, 'tasks/s');
    figures[`${name}, last`] = measured(last, 'tasks/s');
  }
  return { ratios, figures };
}

async function drainHeld(contender: Contender, tasks: number): Promise<Drained> {
  await contender.front.call('clear');
  await contender.front.call('enqueueInBatches', tasks, 1_000);
  await vacuum(contender.address.url!);
  await using _held = await holdSnapshot(contender.address.url!);
  const drained = await drain(contender, { processes: 1, settings: LARGE_BATCHES });
  await contender.front.call('clear');
  return drained;
}
