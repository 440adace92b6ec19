import type { Goal, Measurements } from '../../measure.ts';
import { ON_PGLITE, type Contender } from '../contender.ts';
import { drain, type Drained } from '../drain.ts';
import type { WorkSettings } from '../engine.ts';
import { comparisonsOf, figuresOf, takeTurns, type Extent, type Table } from '../turns.ts';

const CONCURRENCY = 24;

interface Way {
  readonly title: string;
  readonly batch: number;
  readonly processes: number;
  readonly tasks: { readonly quick: number; readonly full: number };
  /** Who takes part, of those that can, and what Reeve should reach against them. */
  readonly goals: Readonly<Record<string, Goal | undefined>>;
}

/** Settings for tasks of no length: large batches fetched ahead and settled together. */
export const LARGE_BATCHES: WorkSettings = { concurrency: CONCURRENCY, batch: 500 };

const large = {
  batch: LARGE_BATCHES.batch,
  tasks: { quick: 4_000, full: 20_000 },
  goals: {
    'graphile-worker': { atLeast: 1.2 },
    'pg-boss': { atLeast: 1.7 },
    BullMQ: { atLeast: 5 },
    'BullMQ, synced': undefined,
    [ON_PGLITE]: { atLeast: 0.3 },
  },
};
const small = {
  batch: CONCURRENCY,
  tasks: { quick: 2_000, full: 10_000 },
  goals: { 'graphile-worker': { atLeast: 1 }, 'pg-boss': undefined },
};
const single = {
  batch: 1,
  tasks: { quick: 500, full: 3_000 },
  goals: { 'graphile-worker': { atLeast: 4 }, BullMQ: undefined, 'BullMQ, synced': undefined },
};
const WAYS: readonly Way[] = [
  { title: 'work, batches of 500, 1 process', processes: 1, ...large },
  { title: 'work, batches of 500, 2 processes', processes: 2, ...large },
  { title: 'work, batches of 24, 1 process', processes: 1, ...small },
  { title: 'work, batches of 24, 2 processes', processes: 2, ...small },
  { title: 'work, each task by itself, 1 process', processes: 1, ...single },
];

/** Tasks that do nothing, 24 at a time in each process, from the first handler call until the tables say that all have ended. */
export async function measureWork(contenders: readonly Contender[], extent: Extent): Promise<Measurements> {
  const sides = new Map<string, () => Promise<Drained>>();
  for (const { title, batch, processes, tasks, goals } of WAYS)
    for (const contender of contenders)
      if (contender.workers.length >= processes && (contender.name === 'Reeve' || contender.name in goals))
        sides.set(`${title}: ${contender.name}`, () =>
          fillAndDrain(contender, extent.quick ? tasks.quick : tasks.full, processes, batch),
        );
  const drained = await takeTurns(extent.rounds, sides, extent.problems);
  const names = contenders.map(({ name }) => name);
  const settled = ({ settledPerSecond }: Drained) => settledPerSecond;
  const handled = ({ handledPerSecond }: Drained) => handledPerSecond;
  const ratios = WAYS.map(({ title, goals }) => comparisonsOf(drained, title, names, settled, given(goals)));
  const calls = new Map([...drained].map(([name, values]) => [`${name}, to the last handler call`, values]));
  return {
    ratios: Object.assign({}, ...ratios) as Table,
    figures: { ...figuresOf(drained, 'tasks/s', settled), ...figuresOf(calls, 'tasks/s', handled) },
  };
}

async function fillAndDrain(contender: Contender, tasks: number, processes: number, batch: number): Promise<Drained> {
  const { front } = contender;
  await front.call('clear');
  await front.call('enqueueInBatches', tasks, 1_000);
  const drained = await drain(contender, { processes, settings: { concurrency: CONCURRENCY, batch } });
  await front.call('clear');
  return drained;
}

function given(goals: Way['goals']): Record<string, Goal> {
  return Object.fromEntries(Object.entries(goals).filter((entry): entry is [string, Goal] => entry[1] !== undefined));
}
