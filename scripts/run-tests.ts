// Runs the test files, two at a time, and reports what failed, what was skipped and what took longest. The last line is the
// count. Arguments choose files by a part of their path. `--both` runs them on the embedded database and on the PostgreSQL of
// REEVE_TEST_DATABASE_URL, some also through the PgBouncer of REEVE_TEST_POOLER_URL, each file on the databases that it says
// (test-plan.ts); a test counts as skipped only where it ran on none of them. `--deep` (`npm run test:deep`) tries many random cases of each property. With CI=true a skipped test is a failure.
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FileResult } from './file-result.ts';
import { prepareConsole, prepareSnapshot } from './prepare.ts';
import { keyOf, planJobs } from './test-plan.ts';
import type { DatabaseName, TestJob } from './test-plan.ts';
import { startTestProcess, stopTestProcesses } from './test-process.ts';
import type { TestProcess } from './test-process.ts';

interface Run {
  job: TestJob;
  result: FileResult;
}

const root = join(import.meta.dirname, '..');
const durationsFile = join(root, 'node_modules/.cache/reeve/test-durations.json');
const concurrency = 2;
const slowestCount = 10;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { both: { type: 'boolean' }, deep: { type: 'boolean' } },
});
const postgresUrl = process.env['REEVE_TEST_DATABASE_URL'];
const poolerUrl = process.env['REEVE_TEST_POOLER_URL'];
const inCi = process.env['CI'] === 'true';

process.on('SIGINT', () => stop(130));
process.on('SIGTERM', () => stop(143));
process.exitCode = await main();

async function main(): Promise<number> {
  if (values.both && !postgresUrl) {
    console.error('--both needs REEVE_TEST_DATABASE_URL; scripts/dev-postgres.sh starts a PostgreSQL and prints it.');
    return 2;
  }
  const chosen = chooseFiles(positionals);
  if (chosen.files.length === 0 && chosen.skipped.length === 0) {
    console.error(`no test file has ${positionals.join(' or ')} in its path`);
    return 2;
  }
  await prepareSnapshot();
  if (chosen.files.some(isBrowserTest)) prepareConsole();

  const single = poolerUrl ? 'PgBouncer' : postgresUrl ? 'PostgreSQL' : 'PGlite';
  const durations = readDurations();
  const jobs = planJobs(root, chosen.files, values.both ? undefined : single, durations);
  const missing = poolerUrl ? [] : jobs.filter(({ database }) => database === 'PgBouncer');
  const runs = await runJobs(jobs.filter((job) => !missing.includes(job)));
  for (const { job, result } of runs) durations[keyOf(job)] = Math.round(result.durationMs);
  writeDurations(durations);
  const unpooled = missing.map(({ file }) => `${file}: no PgBouncer (.ci/pgbouncer.sh, REEVE_TEST_POOLER_URL)`);
  return conclude(runs, [...chosen.skipped, ...unpooled, ...skippedEverywhere(runs)]);
}

function chooseFiles(filters: string[]): { files: string[]; skipped: string[] } {
  const all = globSync(
    ['packages/*/src/**/*.test.{ts,tsx}', 'e2e/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts'],
    {
      cwd: root,
    },
  )
    .filter((file) => filters.length === 0 || filters.some((part) => file.includes(part.replace(/^\.\//, ''))))
    .sort();
  const chromium = process.env['REEVE_CHROMIUM'] ?? '/usr/bin/chromium';
  if (existsSync(chromium)) return { files: all, skipped: [] };
  const skipped = all
    .filter(isBrowserTest)
    .map((file) => `${file}: no Chromium at ${chromium} (REEVE_CHROMIUM names another)`);
  return { files: all.filter((file) => !isBrowserTest(file)), skipped };
}

function isBrowserTest(file: string): boolean {
  return /\.browser\.test\.tsx?$/.test(file);
}

async function runJobs(waiting: TestJob[]): Promise<Run[]> {
  const runs: Run[] = [];
  const worker = async (): Promise<void> => {
    await using processes = openProcesses();
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const result = await processes.run(job);
      printFile(job, result);
      runs.push({ job, result });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return runs;
}

/** The processes of one worker: one a database for the files that share, and one for each other file. */
function openProcesses(): { run(job: TestJob): Promise<FileResult> } & AsyncDisposable {
  const shared = new Map<DatabaseName, TestProcess>();
  const start = (database: DatabaseName): TestProcess =>
    startTestProcess(root, {
      ...process.env,
      ...(values.deep && { REEVE_TEST_DEEP: '1' }),
      REEVE_TEST_DATABASE_URL: database === 'PGlite' ? undefined : postgresUrl,
      REEVE_TEST_POOLER_URL: database === 'PgBouncer' ? poolerUrl : undefined,
    });
  return {
    async run({ file, database, isAlone }) {
      if (isAlone) {
        await using own = start(database);
        return await own.runAlone(file);
      }
      const kept = shared.get(database) ?? start(database);
      shared.set(database, kept);
      const result = await kept.run(file);
      if (!kept.isUsable) {
        shared.delete(database);
        await kept[Symbol.asyncDispose]();
      }
      return result;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...shared.values()].map((kept) => kept[Symbol.asyncDispose]()));
    },
  };
}

function printFile({ file, database }: TestJob, { passed, failures, output, durationMs }: FileResult): void {
  const isGood = failures.length === 0;
  const where = values.both ? `${database}, ` : '';
  console.log(`${isGood ? '✔' : '✖'} ${file} (${where}${passed} passed, ${(durationMs / 1000).toFixed(1)} s)`);
  for (const { name, text } of failures) console.log(`\n  ✖ ${name}\n${indent(text)}\n`);
  if (!isGood && output !== '') console.log(`  output of ${file}:\n${indent(output)}\n`);
}

/** The tests that every run of their file skipped: what one database cannot have the other has run. */
function skippedEverywhere(runs: Run[]): string[] {
  return [...Map.groupBy(runs, ({ job }) => job.file).values()].flatMap(([first, ...others]) =>
    first!.result.skipped.filter((test) => others.every(({ result }) => result.skipped.includes(test))),
  );
}

function conclude(runs: Run[], skipped: string[]): number {
  const failures = runs.flatMap(describeFailures);
  const passed = runs.reduce((sum, { result }) => sum + result.passed, 0);
  const failed = runs.reduce((sum, { result }) => sum + result.failures.length, 0);
  printList('Seconds per package', secondsPerPackage(runs));
  printList('Slowest files', slowestFiles(runs));
  // Once more at the end: of a long report often that alone is kept.
  printList('Failed', failures);
  printList('Skipped', skipped);
  if (inCi && skipped.length > 0) console.log('In CI a skipped test is a failure.');
  console.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  return failed > 0 || (inCi && skipped.length > 0) ? 1 : 0;
}

function printList(title: string, lines: string[]): void {
  if (lines.length > 0) console.log(`\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

function secondsPerPackage(runs: Run[]): string[] {
  const packages = Map.groupBy(runs, ({ job }) =>
    job.file.split('/', job.file.startsWith('packages/') ? 2 : 1).at(-1)!,
  );
  return [...packages]
    .map(([name, own]) => ({
      name,
      ms: own.reduce((sum, { result }) => sum + result.durationMs, 0),
      files: own.length,
    }))
    .sort((one, other) => other.ms - one.ms)
    .map(({ name, ms, files }) => `${seconds(ms)}  ${name} (${files} runs of files)`);
}

function slowestFiles(runs: Run[]): string[] {
  return runs
    .toSorted((one, other) => other.result.durationMs - one.result.durationMs)
    .slice(0, slowestCount)
    .map(({ job, result }) => `${seconds(result.durationMs)}  ${values.both ? keyOf(job) : job.file}`);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1).padStart(6);
}

/** Of each failure the database, the file, the test and the beginning of its error. */
function describeFailures({ job, result }: Run): string[] {
  return result.failures.map(({ name, text }) => {
    const error = text.trim().split('\n').slice(0, 6).join('\n');
    return `${keyOf(job)} › ${name}\n${indent(error)}`;
  });
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '    ');
}

function readDurations(): Record<string, number> {
  try {
    return JSON.parse(readFileSync(durationsFile, 'utf8')) as Record<string, number>;
  } catch {
    return {};
  }
}

function writeDurations(durations: Record<string, number>): void {
  mkdirSync(dirname(durationsFile), { recursive: true });
  writeFileSync(durationsFile, JSON.stringify(durations));
}

function stop(code: number): void {
  stopTestProcesses();
  process.exit(code);
}
