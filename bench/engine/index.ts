import type { Database } from '@reeve/db';
import { sql } from 'kysely';
import { interleave, measured, ratio, type BenchOptions, type Measured, type Measurements } from '../measure.ts';
import { kindsOf, type Kind } from '../place.ts';
import { countStatements } from '../statements.ts';
import { openRunner, STEPS, TOOL_CALLS, type Runner } from './runner.ts';

const AT_ONCE = [1, 8] as const;
/** Runs whose statements are counted. */
const COUNTED = 4;

/**
 * Runs of ten tool calls with a model that takes no time, one at a time and eight at a time, against as many bare commits on
 * the same database: transactions with one insert each, as many at a time.
 */
export async function bench(options: BenchOptions): Promise<Measurements> {
  const all = await Array.fromAsync(kindsOf(options), (kind) => measure(kind, options));
  return {
    ratios: Object.assign({}, ...all.map(({ ratios }) => ratios)) as Measurements['ratios'],
    figures: Object.assign({}, ...all.map(({ figures }) => figures)) as Measurements['figures'],
  };
}

async function measure(kind: Kind, { quick }: BenchOptions): Promise<Measurements> {
  await using runner = await openRunner(kind);
  const { database } = runner;
  await sql`create table bench_floor (id bigint generated always as identity primary key, data jsonb not null)`.execute(
    database.db,
  );
  await work(runner, 8, 8);

  const rounds = quick ? 5 : 11;
  const bytesBefore = await storedBytes(database);
  const sent = await sentBy(() => work(runner, COUNTED, 1));
  const perRun = {
    commits: sent.commits / COUNTED,
    reads: sent.readCommits / COUNTED,
    statements: sent.statements / COUNTED,
  };
  const runsOf = (atOnce: number) => (quick ? Math.max(3, atOnce) : 24);
  const sides: Record<string, () => Promise<number>> = {};
  for (const atOnce of AT_ONCE) {
    const runs = runsOf(atOnce);
    sides[`runs, ${atOnce}`] = () => timed(() => work(runner, runs, atOnce));
    sides[`floor, ${atOnce}`] = () => timed(() => commitBare(database, Math.round(perRun.commits * runs), atOnce));
  }
  const times = await interleave(rounds, sides);
  const bytes = (await storedBytes(database)) - bytesBefore;
  const runsInAll = COUNTED + rounds * AT_ONCE.reduce((sum, atOnce) => sum + runsOf(atOnce), 0);

  const ratios: Record<string, Measured> = {
    [`${kind}: commits a step`]: measured([perRun.commits / STEPS], 'commits', { atMost: 3 }),
  };
  const figures: Record<string, Measured> = {
    [`${kind}: transactions that only read, a step`]: measured([perRun.reads / STEPS], 'transactions'),
    [`${kind}: statements a step, begin and commit included`]: measured([perRun.statements / STEPS], 'statements'),
    [`${kind}: bytes stored by a run of ${TOOL_CALLS} tools`]: measured([bytes / runsInAll], 'bytes'),
  };
  for (const atOnce of AT_ONCE) {
    const runs = runsOf(atOnce);
    const taken = times[`runs, ${atOnce}`]!;
    const floor = times[`floor, ${atOnce}`]!;
    ratios[`${kind}: time of runs, ${atOnce} at once / bare commits`] = ratio(taken, floor);
    figures[`${kind}: steps, ${atOnce} at once`] = measured(
      taken.map((ms) => (runs * STEPS * 1000) / ms),
      'steps/s',
    );
    figures[`${kind}: time per step, ${atOnce} at once`] = measured(
      taken.map((ms) => ms / (runs * STEPS)),
      'ms',
    );
    figures[`${kind}: bare commits, ${atOnce} at once`] = measured(
      floor.map((ms) => (perRun.commits * runs * 1000) / ms),
      'commits/s',
    );
  }
  return { ratios, figures };
}

/** So many runs, so many of them at a time. */
function work({ run }: Runner, runs: number, atOnce: number): Promise<void> {
  return inTurns(runs, atOnce, run);
}

function commitBare({ db }: Database, commits: number, atOnce: number): Promise<void> {
  return inTurns(commits, atOnce, async () => {
    await db
      .transaction()
      .execute((tx) => sql`insert into bench_floor (data) values (${'{"step": 1}'}::jsonb)`.execute(tx));
  });
}

async function inTurns(times: number, atOnce: number, act: () => Promise<void>): Promise<void> {
  let left = times;
  const turns = async () => {
    while (left-- > 0) await act();
  };
  await Promise.all(Array.from({ length: atOnce }, turns));
}

async function timed(act: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await act();
  return performance.now() - begun;
}

async function sentBy(act: () => Promise<void>): Promise<ReturnType<typeof countStatements>> {
  const before = countStatements();
  await act();
  const after = countStatements();
  return {
    commits: after.commits - before.commits,
    readCommits: after.readCommits - before.readCommits,
    statements: after.statements - before.statements,
  };
}

/** Every table of Reeve with its indexes. */
async function storedBytes({ db }: Database): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`
    select sum(pg_total_relation_size(oid))::float8 as bytes from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'bench_floor'`.execute(db);
  return rows[0]!.bytes;
}
