import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { measured, type Measurements } from '../measure.ts';
import { openAddress, REEVE, type Contender } from './contender.ts';
import type { Address, Shape } from './engine.ts';
import { startEngineProcess } from './engine-process.ts';
import { attempt, type Extent, type Table } from './figures.ts';

const TOOL_CALLS = 10;
const RUNS = 3;

/**
 * Transactions of a step, those that only read or only notify included, by PostgreSQL's own count. A backend reports at its
 * end, so the same process is started for one run and for several, and the difference counts.
 */
export async function measureCommits(contenders: readonly Contender[], extent: Extent): Promise<Measurements> {
  const table: Table = {};
  const ratios: Table = {};
  for (const contender of contenders) {
    if (contender.place !== 'postgres') continue;
    const found = await attempt(`${contender.name}, commits`, extent, () => commitsOf(contender, extent.serverUrl));
    if (found === undefined) continue;
    const figure = measured([found], 'commits', contender.name === REEVE ? { atMost: 3 } : undefined);
    (contender.name === REEVE ? ratios : table)[`commits of a step: ${contender.name}`] = figure;
  }
  return { ratios, figures: table };
}

async function commitsOf(contender: Contender, serverUrl: string | undefined): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const address = await openAddress(contender, serverUrl, stack);
  await runAndCount(contender, address, 1);
  const one = await runAndCount(contender, address, 1);
  const several = await runAndCount(contender, address, 1 + RUNS);
  return (several - one) / (RUNS * (2 * TOOL_CALLS + 1));
}

async function runAndCount({ engine }: Contender, address: Address, runs: number): Promise<number> {
  const before = await commitsIn(address.url!);
  {
    await using process = await startEngineProcess(engine, address);
    const shapes = Array.from({ length: runs }, (_, run): Shape => ({
      seed: `commits-${before}-${run}`,
      toolCalls: TOOL_CALLS,
      resultBytes: 1_000,
    }));
    await process.call('work', shapes);
  }
  return (await commitsIn(address.url!)) - before;
}

/** Commits of a database, once nobody else is connected to it. */
async function commitsIn(url: string): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query<{ others: number }>(`
        select count(*)::int as others from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`);
      if (rows[0]!.others === 0) break;
      await sleep(20);
    }
    const { rows } = await client.query<{ commits: number }>(
      `select xact_commit::float8 as commits from pg_stat_database where datname = current_database()`,
    );
    return rows[0]!.commits;
  } finally {
    await client.end();
  }
}
