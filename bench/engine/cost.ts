import { measured, type Goal, type Measurements } from '../measure.ts';
import { REEVE, type OpenContender } from './contender.ts';
import { distinctBytes, type Shape } from './engine.ts';
import { attempt, compare, merged, type Extent, type Table } from './figures.ts';
import { bytesIn } from './stored.ts';

interface Way {
  readonly toolCalls: number;
  readonly resultBytes: number;
  /** Runs in a row. */
  readonly runs: number;
  readonly rounds: number;
  /** Left out: runs that take minutes. */
  readonly without: readonly string[];
  /** Says what is stored of such a run, too. */
  readonly stored: boolean;
}

/** Runs of ten tool calls, and of a hundred. */
export function waysOf({ quick }: Extent): { short: readonly Way[]; long: readonly Way[] } {
  const hundred = { toolCalls: 100, runs: 1, stored: true };
  const slow = ['Mastra', 'Reeve on PGlite'];
  if (quick)
    console.error(
      'With --quick, runs of 100 tool calls leave out PGlite and Mastra, one of whose takes over a minute; with results of 10 kB also LangGraph.js, which stores 100 MB of each.',
    );
  return {
    short: [
      { toolCalls: 10, resultBytes: 1_000, runs: quick ? 1 : 5, rounds: quick ? 2 : 7, without: [], stored: false },
    ],
    long: [
      { ...hundred, resultBytes: 1_000, rounds: quick ? 1 : 5, without: quick ? slow : [] },
      { ...hundred, resultBytes: 10_000, rounds: quick ? 1 : 3, without: quick ? [...slow, 'LangGraph.js'] : slow },
    ],
  };
}

/** What a round of one contender cost. Bytes are over those of the distinct messages and results. */
interface Turn {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly values: number | undefined;
  readonly tables: number | undefined;
}

const GOALS: Readonly<Record<string, Goal>> = {
  'LangGraph.js': { atMost: 1 },
  Mastra: { atMost: 1 },
  DBOS: { atMost: 0.5 },
};
const LINEAR: Goal = { atMost: 1.5 };

/** Wall time, processor time and bytes of steps: model calls and tool calls that take no time themselves. */
export async function measureCost(
  contenders: readonly OpenContender[],
  ways: readonly Way[],
  extent: Extent,
): Promise<Measurements> {
  const all: Measurements[] = [];
  for (const way of ways) {
    const turns = await inTurns(contenders, way, extent);
    const per = (numberOf: (turn: Turn) => number | undefined) =>
      new Map([...turns].map(([name, values]) => [name, values.map(numberOf).filter((value) => value !== undefined)]));
    const title = `${way.toolCalls} tool calls, ${way.resultBytes / 1_000} kB each`;
    all.push(
      compare(
        `time per step, ${title}`,
        'ms',
        REEVE,
        per(({ wallMs }) => wallMs),
        way.toolCalls === 10 ? GOALS : {},
      ),
      compare(
        `processor time per step, ${title}`,
        'ms',
        REEVE,
        per(({ cpuMs }) => cpuMs),
      ),
    );
    if (way.stored)
      all.push(
        {
          ratios: bytesOf(
            `values stored / distinct, ${title}`,
            per(({ values }) => values),
            LINEAR,
          ),
          figures: {},
        },
        {
          ratios: {},
          figures: bytesOf(
            `tables and indexes / distinct, ${title}`,
            per(({ tables }) => tables),
          ),
        },
      );
  }
  return merged(all);
}

/** One after the other, every other round in reverse; whoever fails is left out of all rounds, and reported. */
async function inTurns(contenders: readonly OpenContender[], way: Way, extent: Extent): Promise<Map<string, Turn[]>> {
  const able = contenders.filter(({ name }) => !way.without.includes(name));
  const turns = new Map(able.map(({ name }): [string, Turn[]] => [name, []]));
  for (let round = way.stored ? 0 : -1; round < way.rounds; round += 1) {
    for (const contender of round % 2 === 0 ? able : able.toReversed()) {
      const { name } = contender;
      if (!turns.has(name)) continue;
      const what = `${name}, ${way.toolCalls} tool calls`;
      const turn = await attempt(what, extent, () => takeTurn(contender, way, round));
      if (turn === undefined) turns.delete(name);
      // The round before the first warms up: code that has run is compiled.
      else if (round >= 0) turns.get(name)!.push(turn);
    }
  }
  return turns;
}

async function takeTurn({ address, process }: OpenContender, way: Way, round: number): Promise<Turn> {
  const { toolCalls, resultBytes, runs, stored } = way;
  const steps = runs * (2 * toolCalls + 1);
  const shapes = Array.from({ length: runs }, (_, run): Shape => {
    return { seed: `${toolCalls}-${resultBytes}-${round}-${run}`, toolCalls, resultBytes };
  });
  const url = stored ? address.url : undefined;
  const before = url === undefined ? undefined : await bytesIn(url);
  const { wallMs, cpuMs } = await process.call('work', shapes);
  const after = url === undefined ? undefined : await bytesIn(url);
  const distinct = shapes.reduce((sum, shape) => sum + distinctBytes(shape), 0);
  return {
    wallMs: wallMs / steps,
    cpuMs: cpuMs / steps,
    values: after && before && (after.values - before.values) / distinct,
    tables: after && before && (after.tables - before.tables) / distinct,
  };
}

function bytesOf(title: string, sides: ReadonlyMap<string, readonly number[]>, goal?: Goal): Table {
  const known = [...sides].filter(([, values]) => values.length > 0);
  return Object.fromEntries(
    known.map(([name, values]) => [`${title}: ${name}`, measured(values, '×', name === REEVE ? goal : undefined)]),
  );
}
