import type { BenchOptions, Measurements } from '../measure.ts';
import { createPlace } from '../place.ts';
import { hasPgBouncer, startPgBouncer } from '@reeve/testing/own-pgbouncer';
import { ON_PGLITE, openContender, type Contender, type ContenderOptions } from './contender.ts';
import { measureDepth } from './figures/depth.ts';
import { measureEnqueue } from './figures/enqueue.ts';
import { measureFairness } from './figures/fairness.ts';
import { measureIdle } from './figures/idle.ts';
import { measureLatency } from './figures/latency.ts';
import { measureSnapshot } from './figures/snapshot.ts';
import { measureWork } from './figures/work.ts';
import { ensurePeers } from '../peers.ts';
import { checkDurability, createDatabase } from './postgres.ts';
import { redisVersion, startRedis } from './redis.ts';
import type { Extent, Problems } from './turns.ts';

/** Of each transition of a task Reeve writes a journal row: created, started, completed. */
const JOURNAL_ROWS = 3;

/**
 * The queue beside graphile-worker, pg-boss and BullMQ: enqueueing, working on tasks that do nothing, starting them when idle;
 * and beside itself: many tasks waiting, many tenants, limits, a forgotten transaction, the embedded database.
 */
export async function bench({ quick, databaseUrl }: BenchOptions): Promise<Measurements> {
  const problems: Problems = [];
  const extent: Extent = { quick, rounds: quick ? 1 : 5, problems };
  await using stack = new AsyncDisposableStack();
  const measurements =
    databaseUrl === undefined ? await benchEmbedded(stack, extent) : await benchAll(stack, databaseUrl, extent);
  for (const problem of problems) console.error(`not measured: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  return measurements;
}

async function benchEmbedded(stack: AsyncDisposableStack, extent: Extent): Promise<Measurements> {
  console.error('Without --database postgres://… there is Reeve on PGlite alone.');
  const embedded = [stack.use(await openContender(onPglite))];
  return inTurn(extent, {
    enqueue: () => measureEnqueue(embedded, extent),
    work: () => measureWork(embedded, extent),
    latency: () => measureLatency(embedded, extent),
  });
}

async function benchAll(stack: AsyncDisposableStack, serverUrl: string, extent: Extent): Promise<Measurements> {
  await ensurePeers(import.meta.dirname);
  console.error(await checkDurability(serverUrl));
  const version = redisVersion();
  console.error(version === undefined ? 'There is no redis-server, so BullMQ is left out.' : `Redis ${version}`);

  const onPostgres = postgresContenders(serverUrl);
  const open = async (options: ContenderOptions) => stack.use(await openContender(options));
  const [relational, redis, embedded] = await Promise.all([
    Promise.all(onPostgres.map(open)),
    Promise.all(version === undefined ? [] : redisContenders.map(open)),
    open(onPglite),
  ]);
  const all = [...relational, ...redis, embedded];
  const reeve = relational[0]!;
  const openAnother = (name: string) =>
    openContender({ ...[...onPostgres, ...redisContenders].find((one) => one.name === name)!, workers: 1 });
  return inTurn(extent, {
    enqueue: () => measureEnqueue(all, extent),
    work: () => measureWork(all, extent),
    latency: () => measureBehindPooler(all, serverUrl, extent),
    fairness: () => measureFairness(reeve, extent),
    snapshot: () => measureSnapshot(extent.quick ? [reeve] : relational, extent),
    depth: () => measureDepth(extent.quick ? [reeve] : [...relational, ...redis.slice(0, 1)], openAnother, extent),
    ...(!extent.quick && { idle: () => measureIdle(relational, serverUrl, extent) }),
  });
}

/** Latency of all, and of Reeve behind a PgBouncer in transaction mode: with a direct address beside it, and polling. */
async function measureBehindPooler(
  all: readonly Contender[],
  serverUrl: string,
  extent: Extent,
): Promise<Measurements> {
  await using stack = new AsyncDisposableStack();
  if (!hasPgBouncer) console.error('There is no pgbouncer, so Reeve behind it is left out.');
  const pooled = [];
  for (const polls of hasPgBouncer ? [false, true] : [])
    pooled.push(
      stack.use(
        await openContender({
          name: polls ? 'Reeve behind PgBouncer, polling' : 'Reeve behind PgBouncer, direct address beside it',
          engine: 'reeve',
          recordsPerTask: JOURNAL_ROWS,
          workers: 1,
          async createAddress(own) {
            const { url: directUrl } = own.use(await createDatabase(serverUrl));
            const { url } = own.use(await startPgBouncer(directUrl));
            return polls ? { url } : { url, directUrl };
          },
        }),
      ),
    );
  return await measureLatency([...all, ...pooled], extent);
}

const onPglite: ContenderOptions = {
  name: ON_PGLITE,
  engine: 'reeve',
  recordsPerTask: JOURNAL_ROWS,
  workers: 0,
  createAddress: async (stack) => ({ dataDirectory: stack.use(await createPlace('pglite')).dataDirectory }),
};

const redisContenders: readonly ContenderOptions[] = [false, true].map((durable) => ({
  name: durable ? 'BullMQ, synced' : 'BullMQ',
  engine: 'bullmq',
  workers: 2,
  createAddress: async (stack) => ({ url: stack.use(await startRedis(durable)).url }),
}));

function postgresContenders(serverUrl: string): readonly ContenderOptions[] {
  const createAddress: ContenderOptions['createAddress'] = async (stack) => ({
    url: stack.use(await createDatabase(serverUrl)).url,
  });
  return [
    { name: 'Reeve', engine: 'reeve', recordsPerTask: JOURNAL_ROWS, workers: 2, createAddress },
    { name: 'graphile-worker', engine: 'graphile-worker', workers: 2, createAddress },
    { name: 'pg-boss', engine: 'pg-boss', workers: 2, createAddress },
  ];
}

/** The sections to measure, by their names with commas between; all where it is not set. */
const CHOSEN = process.env['REEVE_QUEUE_SECTIONS']?.split(',');

/** One section after the other; one that fails as a whole is reported like a figure that does. */
async function inTurn(
  { problems }: Extent,
  sections: Record<string, () => Promise<Measurements>>,
): Promise<Measurements> {
  const ratios = {};
  const figures = {};
  const unknown = (CHOSEN ?? []).filter((name) => !Object.hasOwn(sections, name));
  if (unknown.length > 0) problems.push(`REEVE_QUEUE_SECTIONS: there is no ${unknown.join(' and no ')} here`);
  for (const [name, measure] of Object.entries(sections)) {
    if (CHOSEN?.includes(name) === false) continue;
    const begun = performance.now();
    try {
      const measurements = await measure();
      Object.assign(ratios, measurements.ratios);
      Object.assign(figures, measurements.figures);
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    console.error(`${name}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  }
  return { ratios, figures };
}
