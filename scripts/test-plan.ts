// Which test files run, on which database, in which process, in which order. A file says what it needs in a line of its own
// before its first import:
//   // runs on: both databases       with `--both`: on PGlite and on PostgreSQL
//   // runs on: PostgreSQL           with `--both`: on PostgreSQL alone
//   // runs on: both databases, and behind PgBouncer    also on PostgreSQL through a PgBouncer in transaction mode
//   // runs in: its own process      shares its process with no other file
// A file that says nothing runs on PGlite and shares its process: a browser test with other browser tests, every other file with those
// of its database.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type DatabaseName = 'PGlite' | 'PostgreSQL' | 'PgBouncer';

/** Most files share a process; browser tests share another, which has a browser; some have their own. */
export type ProcessKind = 'shared' | 'browser' | 'own';

/** One run of one file. */
export interface TestJob {
  file: string;
  database: DatabaseName;
  process: ProcessKind;
}

interface Needs {
  databases: readonly DatabaseName[];
  isAlone: boolean;
}

const needsLine = /^\/\/ runs (on|in): (.+)$/gm;
const needs: Record<string, Partial<Needs>> = {
  'on: both databases': { databases: ['PGlite', 'PostgreSQL'] },
  'on: both databases, and behind PgBouncer': { databases: ['PGlite', 'PostgreSQL', 'PgBouncer'] },
  'on: PostgreSQL': { databases: ['PostgreSQL'] },
  'in: its own process': { isAlone: true },
};

/** Reads what a file needs from its source. Throws on a line that says nothing that the runner knows. */
export function readNeeds(source: string): Needs {
  const read: Needs = { databases: ['PGlite'], isAlone: false };
  const head = source.slice(0, source.search(/^import /m) >>> 0);
  for (const [line, about, what] of head.matchAll(needsLine)) {
    const need = needs[`${about}: ${what}`];
    if (need === undefined) throw new Error(`"${line}" is none of: ${Object.keys(needs).join(', ')}`);
    Object.assign(read, need);
  }
  return read;
}

/**
 * The runs of these files, longest first by how long each took before, in milliseconds by `keyOf`. `only` names the database where
 * there is but one; undefined: both.
 */
export function planJobs(
  root: string,
  files: readonly string[],
  only: DatabaseName | undefined,
  durations: Readonly<Record<string, number>>,
): TestJob[] {
  const jobs = files.flatMap((file) => {
    const path = join(root, file);
    const { databases, ...own } = readNeeds(readFileSync(path, 'utf8'));
    const process = own.isAlone ? 'own' : isBrowserTest(file) ? 'browser' : 'shared';
    return (only === undefined ? databases : [only]).map((database): TestJob => ({ file, database, process }));
  });
  const expected = (job: TestJob): number => durations[keyOf(job)] ?? guessMs(job.file);
  return jobs.toSorted((one, other) => expected(other) - expected(one));
}

/** Whether this file's name says that it needs a browser. */
export function isBrowserTest(file: string): boolean {
  return /\.browser\.test\.tsx?$/.test(file);
}

/** Names a run among the remembered durations. */
export function keyOf({ file, database }: Pick<TestJob, 'file' | 'database'>): string {
  return `${database}: ${file}`;
}

const guesses: readonly [RegExp, number][] = [
  [/\/(kill[a-z-]*|queue-faults|faults|model)\.test/, 60_000],
  [/\/(console[a-z-]*\.browser|remote[a-z-]*|hostile-[a-z]+|bubblewrap|[a-z]+-cli)\.test/, 30_000],
  [/\.browser\.test|^e2e\/|^packages\/sandbox\//, 15_000],
];

/** How long a file takes that has not run here before. */
function guessMs(file: string): number {
  return guesses.find(([pattern]) => pattern.test(file))?.[1] ?? 2_000;
}
