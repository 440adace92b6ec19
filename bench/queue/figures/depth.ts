import type { Measurements } from '../../measure.ts';
import type { Contender } from '../contender.ts';
import { drain, type Drained } from '../drain.ts';
import { vacuum } from '../postgres.ts';
import { figuresOf, ratioOf, takeTurns, type Extent, type Table } from '../turns.ts';
import { LARGE_BATCHES } from './work.ts';

/** How full a queue is while its speed is measured. */
interface Depth {
  readonly waiting: number;
  /** Of tasks that ended before, in the same tables. Reeve alone keeps them with their records. */
  readonly finished: number;
}

const QUICK: readonly Depth[] = [{ waiting: 10_000, finished: 0 }];
const FULL: readonly Depth[] = [
  { waiting: 10_000, finished: 0 },
  { waiting: 1_000_000, finished: 0 },
  { waiting: 1_000_000, finished: 5_000_000 },
];

/**
 * Speed with many tasks waiting behind those that are worked on, over the speed of the same engine with none behind them. The
 * second of each pair has a database of its own, so that both are measured in the same rounds.
 */
export async function measureDepth(
  contenders: readonly Contender[],
  openAnother: (name: string) => Promise<Contender>,
  extent: Extent,
): Promise<Measurements> {
  const ratios: Table = {};
  const figures: Table = {};
  for (const depth of extent.quick ? QUICK : FULL)
    for (const empty of contenders) {
      if (depth.finished > 0 && empty.name !== 'Reeve') continue;
      await using deep = await openAnother(empty.name);
      const measurements = await measurePair(empty, deep, depth, extent);
      Object.assign(ratios, measurements.ratios);
      Object.assign(figures, measurements.figures);
    }
  return { ratios, figures };
}

async function measurePair(empty: Contender, deep: Contender, depth: Depth, extent: Extent): Promise<Measurements> {
  const { waiting, finished } = depth;
  const tasks = extent.quick ? 4_000 : 20_000;
  if (finished > 0) await deep.front.call('scene', 'addFinished', finished);
  await deep.front.call('enqueueInBatches', waiting, 1_000);
  if (waiting + finished > 100_000 && deep.address.url?.startsWith('postgres')) await vacuum(deep.address.url);

  const long = `${waiting.toLocaleString('en')} waiting${finished > 0 ? `, ${finished.toLocaleString('en')} finished` : ''}`;
  const sides = { none: `depth: ${empty.name}, none behind (beside ${long})`, many: `depth: ${empty.name}, ${long}` };
  const drained = await takeTurns<Drained>(
    extent.rounds,
    new Map([
      [
        sides.none,
        async () => {
          await empty.front.call('clear');
          await empty.front.call('enqueueInBatches', tasks, 1_000);
          return drain(empty, { processes: 1, settings: LARGE_BATCHES });
        },
      ],
      [
        sides.many,
        async () => {
          await deep.front.call('enqueueInBatches', tasks, 1_000);
          return drain(deep, { processes: 1, settings: LARGE_BATCHES, tasks });
        },
      ],
    ]),
    extent.problems,
  );
  const handled = ({ handledPerSecond }: Drained) => handledPerSecond;
  const goal = empty.name === 'Reeve' ? { atLeast: 0.9 } : undefined;
  return {
    ratios: ratioOf(drained, [`${sides.many} / none`, sides.many, sides.none], handled, goal),
    figures: figuresOf(drained, 'tasks/s', handled),
  };
}
