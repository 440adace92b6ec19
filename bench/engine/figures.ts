import { measured, ratio, type Goal, type Measured, type Measurements } from '../measure.ts';

/** Figures by name. */
export type Table = Record<string, Measured>;

/** What was not measured, and why: one line each. */
export type Problems = string[];

/** How much to measure. */
export interface Extent {
  readonly quick: boolean;
  readonly serverUrl: string | undefined;
  readonly problems: Problems;
  /** When nothing new is to be begun any more, by `performance.now()`: only a quick benchmark has such a moment. */
  readonly until: number;
}

/** Does it, or says why not. Begins nothing after `until`. */
export async function attempt<Value>(
  what: string,
  { problems, until }: Extent,
  act: () => Promise<Value>,
): Promise<Value | undefined> {
  if (performance.now() > until) {
    console.error(`left out, for --quick has no time left: ${what}`);
    return undefined;
  }
  try {
    return await act();
  } catch (error) {
    problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/**
 * A figure for each side, and `over` over each of the others, round by round. Goals are by the name of the other.
 */
export function compare(
  title: string,
  unit: string,
  over: string,
  values: ReadonlyMap<string, readonly number[]>,
  goals: Readonly<Record<string, Goal>> = {},
): { ratios: Table; figures: Table } {
  const own = values.get(over);
  const others = own === undefined ? [] : [...values].filter(([name]) => name !== over);
  return {
    ratios: Object.fromEntries(
      others.map(([name, theirs]) => [`${title}: ${over} / ${name}`, ratio(own!, theirs, goals[name])]),
    ),
    figures: Object.fromEntries([...values].map(([name, all]) => [`${title}: ${name}`, measured(all, unit)])),
  };
}

/** All of them in one table each. */
export function merged(all: readonly Measurements[]): Measurements {
  return {
    ratios: Object.assign({}, ...all.map(({ ratios }) => ratios)) as Table,
    figures: Object.assign({}, ...all.map(({ figures }) => figures)) as Table,
  };
}
