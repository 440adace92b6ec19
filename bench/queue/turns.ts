import { interleave, measured, ratio, type Goal, type Measured } from '../measure.ts';
import { ON_PGLITE } from './contender.ts';

/** Figures by name. */
export type Table = Record<string, Measured>;

/** Values of each side, by round. A side that failed in any round is not there. */
export type Rounds<Value> = ReadonlyMap<string, readonly Value[]>;

/** What was not measured, and why: one line each. */
export type Problems = string[];

/** How much to measure. */
export interface Extent {
  readonly quick: boolean;
  readonly rounds: number;
  readonly problems: Problems;
}

/** Runs every side once a round, interleaved. A side that throws is left out of the answer and reported. */
export async function takeTurns<Value>(
  rounds: number,
  sides: ReadonlyMap<string, () => Promise<Value>>,
  problems: Problems,
): Promise<Rounds<Value>> {
  const failed = new Set<string>();
  const guarded = [...sides].map(([name, act]) => [
    name,
    async () => {
      if (failed.has(name)) return undefined;
      try {
        return { value: await act() };
      } catch (error) {
        failed.add(name);
        problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      }
    },
  ]);
  const taken: Record<string, ({ value: Value } | undefined)[]> = await interleave(
    rounds,
    Object.fromEntries(guarded) as Record<string, () => Promise<{ value: Value } | undefined>>,
  );
  return new Map(
    Object.entries(taken)
      .filter(([name]) => !failed.has(name))
      .map(([name, values]) => [name, values.map((one) => one!.value)]),
  );
}

/** A figure for each side. */
export function figuresOf<Value>(rounds: Rounds<Value>, unit: string, numberOf: (value: Value) => number): Table {
  return Object.fromEntries([...rounds].map(([name, values]) => [name, measured(values.map(numberOf), unit)]));
}

/** One side over another, round by round, under that name; nothing where either is missing. */
export function ratioOf<Value>(
  rounds: Rounds<Value>,
  [name, side, floor]: readonly [name: string, side: string, floor: string],
  numberOf: (value: Value) => number,
  goal?: Goal,
): Table {
  const [above, below] = [rounds.get(side), rounds.get(floor)];
  return above === undefined || below === undefined
    ? {}
    : { [name]: ratio(above.map(numberOf), below.map(numberOf), goal) };
}

/** Reeve over each of the others, for sides named `<title>: <contender>`; on PGlite Reeve is put over itself on PostgreSQL. */
export function comparisonsOf<Value>(
  rounds: Rounds<Value>,
  title: string,
  names: readonly string[],
  numberOf: (value: Value) => number,
  goals: Readonly<Record<string, Goal>> = {},
): Table {
  const tables = names
    .filter((name) => name !== 'Reeve')
    .map((name) => {
      const [side, floor] = name === ON_PGLITE ? [name, 'Reeve'] : ['Reeve', name];
      const sides = [`${title}: ${side} / ${floor}`, `${title}: ${side}`, `${title}: ${floor}`] as const;
      return ratioOf(rounds, sides, numberOf, goals[name]);
    });
  return Object.assign({}, ...tables) as Table;
}
