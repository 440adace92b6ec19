import type { Goal, Measurements } from '../../measure.ts';
import { ON_PGLITE, type Contender } from '../contender.ts';
import { comparisonsOf, figuresOf, takeTurns, type Extent, type Table } from '../turns.ts';

interface Way {
  readonly title: string;
  /** Callers at a time, each with one task a call. None: one caller with a thousand tasks a call. */
  readonly callers: number;
  readonly tasks: { readonly quick: number; readonly full: number };
  readonly goals: Readonly<Record<string, Goal>>;
}

const BATCH = 1_000;
const WAYS: readonly Way[] = [
  {
    title: 'enqueue, one caller',
    callers: 1,
    tasks: { quick: 100, full: 500 },
    goals: { 'graphile-worker': { atLeast: 2 } },
  },
  {
    title: 'enqueue, ten callers',
    callers: 10,
    tasks: { quick: 400, full: 2_000 },
    goals: { 'graphile-worker': { atLeast: 8 } },
  },
  {
    title: `enqueue, batches of ${BATCH}`,
    callers: 0,
    tasks: { quick: 4_000, full: 20_000 },
    goals: { 'graphile-worker': { atLeast: 1.5 }, [ON_PGLITE]: { atLeast: 0.3 } },
  },
];

/** Tasks enqueued a second; a call is answered when what it enqueued is durable. */
export async function measureEnqueue(contenders: readonly Contender[], extent: Extent): Promise<Measurements> {
  const sides = new Map<string, () => Promise<number>>();
  for (const { title, callers, tasks } of WAYS)
    for (const contender of contenders)
      sides.set(`${title}: ${contender.name}`, () =>
        enqueue(contender, callers, extent.quick ? tasks.quick : tasks.full),
      );
  const rates = await takeTurns(extent.rounds, sides, extent.problems);
  const names = contenders.map(({ name }) => name);
  const ratios = WAYS.map(({ title, goals }) => comparisonsOf(rates, title, names, Number, goals));
  return { ratios: Object.assign({}, ...ratios) as Table, figures: figuresOf(rates, 'tasks/s', Number) };
}

async function enqueue({ front }: Contender, callers: number, tasks: number): Promise<number> {
  await front.call('clear');
  const ms = await (callers === 0
    ? front.call('enqueueInBatches', tasks, BATCH)
    : front.call('enqueue', tasks, callers));
  const { unfinished } = await front.call('counts');
  if (unfinished !== tasks) throw new Error(`${tasks} tasks were enqueued, but ${unfinished} wait`);
  await front.call('clear');
  return (tasks / ms) * 1000;
}
