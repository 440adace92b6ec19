// Runs the test files, each in a process of its own, two at a time, and tells of what failed and what was skipped. The
// last line is the count. Arguments choose files by a part of their path; `--both` runs the suite on the embedded
// database and then on the PostgreSQL of REEVE_TEST_DATABASE_URL: what has nothing to do with the database on the first alone, the
// longest on the second alone; a test counts as skipped only where it ran on neither.
// With CI=true a skipped test is a failure, and a file that failed beside others is run once more by itself: where it passes then
// it is named as unstable, to be mended, and fails the run only where more than two are.
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareConsole, prepareSnapshot } from './prepare.ts';
import { runTestFile, stopTestFiles } from './test-file.ts';
import type { FileResult } from './test-file.ts';

interface Totals {
  passed: number;
  failed: number;
  /** Told once more at the end: of a long report often that alone is kept. */
  failures: string[];
  skipped: string[];
  /** Files that passed only when they ran by themselves, each with what had failed before. */
  unstable: string[];
}

const root = join(import.meta.dirname, '..');
/**
 * Files that would say nothing new on another database: those that use none, and those of what lies above the domains and talks
 * to them through HTTP alone (console, command line, other people's clients). The domains, the engine and whatever is killed run on both.
 */
const ranOnce = new RegExp(
  [
    '^packages/(console|contract|extensions|kit|models|reeve|sandbox|skills|tools)/',
    '^packages/http/src/(?!app|idempotency)',
    '^packages/db/src/(lock|pglite|snapshot|sqlstate|tables)\\.test',
    '^packages/identity/src/jwt/jwt\\.test',
    '^e2e/(bad-input|client|companion|openai-client|(?!keys-)[a-z-]+-http)\\.test',
    '^scripts/',
  ].join('|'),
);
/** Files that take minutes and of which the first database would say nothing new where the second follows: each kills servers by the dozen. */
const ranLast = /^e2e\/kill-(approvals|children|wires)\.test/;
/** What takes long begins first, so that in the end no process waits for the other's last file. */
const isLong = /\/(kill[a-z-]*|queue-faults|model|[a-z]+-cli|console[a-z-]*\.browser)\.test/;
const concurrency = 2;
const unstableLimit = 2;
const { values, positionals } = parseArgs({ allowPositionals: true, options: { both: { type: 'boolean' } } });
const postgresUrl = process.env['REEVE_TEST_DATABASE_URL'];
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

  const total: Totals = { passed: 0, failed: 0, failures: [], skipped: [], unstable: [] };
  const skipped: string[][] = [];
  for (const [name, url] of databases()) {
    const isSecond = skipped.length > 0;
    const result = await runSuite(
      chosen.files.filter((file) => !values.both || !(isSecond ? ranOnce : ranLast).test(file)),
      url,
    );
    result.skipped.push(...chosen.skipped);
    if (isSecond) result.skipped.push(...skipped[0]!.filter((test) => ranOnce.test(test)));
    if (values.both) console.log(`\n${name}: ${countLine(result)}`);
    total.passed += result.passed;
    total.failed += result.failed;
    total.failures.push(...result.failures.map((failure) => `${name}: ${failure}`));
    total.unstable.push(...result.unstable.map((failure) => `${name}: ${failure}`));
    skipped.push(result.skipped);
  }
  // What one database cannot have the other has run.
  total.skipped = skipped[0]!.filter((test) => skipped.every((suite) => suite.includes(test)));
  total.skipped.push(...(skipped[1] ?? []).filter((test) => ranLast.test(test)));
  return conclude(total);
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

function databases(): [name: string, url: string | undefined][] {
  if (!values.both) return [[postgresUrl ? 'PostgreSQL' : 'PGlite', postgresUrl]];
  return [
    ['PGlite', undefined],
    ['PostgreSQL', postgresUrl],
  ];
}

async function runSuite(files: string[], url: string | undefined): Promise<Totals> {
  const totals: Totals = { passed: 0, failed: 0, failures: [], skipped: [], unstable: [] };
  const waiting = files.toSorted((one, other) => Number(isLong.test(other)) - Number(isLong.test(one)));
  const bad: { file: string; result: FileResult }[] = [];
  const env = { ...process.env, REEVE_TEST_DATABASE_URL: url };
  const count = (file: string, result: FileResult): void => {
    totals.passed += result.passed;
    totals.failed += result.failures.length;
    totals.failures.push(...describeFailures(file, result));
    totals.skipped.push(...result.skipped);
  };
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const result = await runTestFile(root, file, env);
      printFile(file, result);
      if (result.failures.length > 0) bad.push({ file, result });
      else count(file, result);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  for (const { file, result } of bad) {
    // Where many failed something is broken, and once more would only take longer.
    if (!inCi || bad.length > unstableLimit) {
      count(file, result);
      continue;
    }
    console.log(`\nonce more, by itself: ${file}`);
    const second = await runTestFile(root, file, env);
    printFile(file, second);
    if (second.failures.length === 0) totals.unstable.push(describeFailures(file, result).join('\n  '));
    count(file, second);
  }
  return totals;
}

function printFile(file: string, { passed, failures, output, durationMs }: FileResult): void {
  const isGood = failures.length === 0;
  console.log(`${isGood ? '✔' : '✖'} ${file} (${passed} passed, ${(durationMs / 1000).toFixed(1)} s)`);
  for (const { name, text } of failures) console.log(`\n  ✖ ${name}\n${indent(text)}\n`);
  if (!isGood && output !== '') console.log(`  output of ${file}:\n${indent(output)}\n`);
}

function conclude(total: Totals): number {
  const isFailed = total.failed > 0 || (inCi && total.skipped.length > 0) || total.unstable.length > unstableLimit;
  printList('Failed', total.failures);
  printList(`Unstable, to be mended (at most ${unstableLimit})`, total.unstable);
  printList('Skipped', total.skipped);
  if (inCi && total.skipped.length > 0) console.log('In CI a skipped test is a failure.');
  console.log(`\n${countLine(total)}`);
  return isFailed ? 1 : 0;
}

function printList(title: string, lines: string[]): void {
  if (lines.length > 0) console.log(`\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

/** Of each failure the file, the test and the beginning of its error. */
function describeFailures(file: string, { failures }: FileResult): string[] {
  return failures.map(({ name, text }) => {
    const error = text.trim().split('\n').slice(0, 6).join('\n');
    return `${file} › ${name}\n${indent(error)}`;
  });
}

function countLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped.length} skipped`;
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '    ');
}

function stop(code: number): void {
  stopTestFiles();
  process.exit(code);
}
