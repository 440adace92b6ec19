import { cpus, loadavg, totalmem } from 'node:os';

/** What a figure should be, for a reader of the table: never an assertion. */
export interface Goal {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A figure over several rounds. */
export interface Measured {
  readonly unit: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly goal?: Goal;
}

/** What a benchmark answers. Ratios have both their sides taken in the same rounds; figures are of this machine only. */
export interface Measurements {
  readonly ratios: Readonly<Record<string, Measured>>;
  readonly figures: Readonly<Record<string, Measured>>;
}

/** How a benchmark is asked to run. */
export interface BenchOptions {
  /** End within 50 s. */
  readonly quick: boolean;
  /** PostgreSQL to measure on besides the embedded database: a URL whose user may create databases. */
  readonly databaseUrl: string | undefined;
}

/**
 * Runs every side once a round, one after the other, so that a busy moment of the machine meets all of them; every
 * other round in reverse. Answers each side's values, by round.
 */
export async function interleave<Values extends Readonly<Record<string, unknown>>>(
  rounds: number,
  sides: { readonly [Name in keyof Values]: () => Promise<Values[Name]> },
): Promise<{ [Name in keyof Values]: Values[Name][] }> {
  const names: (keyof Values)[] = Object.keys(sides);
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as {
    [Name in keyof Values]: Values[Name][];
  };
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) values[name].push(await sides[name]());
  }
  return values;
}

/** Median and extremes of at least one value. */
export function measured(values: readonly number[], unit: string, goal?: Goal): Measured {
  return {
    unit,
    median: percentile(values, 50),
    min: Math.min(...values),
    max: Math.max(...values),
    ...(goal && { goal }),
  };
}

/** One side over the other, round by round. */
export function ratio(side: readonly number[], floor: readonly number[], goal?: Goal): Measured {
  return measured(
    side.map((value, round) => value / floor[round]!),
    '×',
    goal,
  );
}

/** The value that `p` percent of the values do not exceed, interpolated. Of no values: NaN. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = ((sorted.length - 1) * p) / 100;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** A table for people: a line a figure, ratios first. */
export function tableOf({ ratios, figures }: Measurements): string {
  const rows = [...Object.entries(ratios), ...Object.entries(figures)].map(
    ([name, { unit, median, min, max, goal }]) => {
      return [
        name,
        `${shown(median)} ${unit}`,
        `${shown(min)} to ${shown(max)}`,
        goal ? goalText(goal, unit, median) : '',
      ];
    },
  );
  const lines = [['', 'median', 'range', 'goal'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map(([name, median, range, goal]) => {
      return `${name!.padEnd(widths[0]!)}  ${median!.padStart(widths[1]!)}  ${range!.padStart(widths[2]!)}  ${goal!}`.trimEnd();
    })
    .join('\n');
}

/** The machine-readable line. */
export function jsonOf(name: string, { ratios, figures }: Measurements): string {
  const plain = (all: Measurements['ratios']) =>
    Object.fromEntries(
      Object.entries(all).map(([key, { unit, median, min, max }]) => {
        return [key, { median: rounded(median), min: rounded(min), max: rounded(max), unit }];
      }),
    );
  return JSON.stringify({ name, ratios: plain(ratios), figures: plain(figures), machine: machine() });
}

/** Where the figures come from, the load of the last minute included: these machines are shared. */
export function machine() {
  const cores = cpus();
  return {
    platform: `${process.platform} ${process.arch}`,
    cpu: cores[0]?.model ?? 'unknown',
    cores: cores.length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    load: rounded(loadavg()[0] ?? Number.NaN),
    date: new Date().toISOString(),
  };
}

function goalText({ atLeast, atMost }: Goal, unit: string, median: number): string {
  const met = median >= (atLeast ?? -Infinity) && median <= (atMost ?? Infinity);
  return `${atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`} ${unit}: ${met ? 'met' : 'missed'}`;
}

function shown(value: number): string {
  return rounded(value).toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
