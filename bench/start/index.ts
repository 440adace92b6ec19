import { setTimeout as sleep } from 'node:timers/promises';
import { ensureSnapshot } from '@reeve/db';
import { startServer, type TestDatabase } from '@reeve/testing';
import { residentMb, startChild } from '../child.ts';
import { interleave, measured, ratio, type BenchOptions, type Measurements } from '../measure.ts';
import { createPlace } from '../place.ts';

/** A server that could not be smaller. */
const FLOOR = `const server = require('node:http').createServer((_, answer) => answer.end('ok'));
server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port));`;
const IDLE_MS = 2_000;
/** What takes longer is broken. */
const PATIENCE_MS = 15_000;

interface Start {
  readonly readyMs: number;
  /** Two seconds later. */
  readonly residentMb: number;
}

/**
 * From the start of the process to the first 200 of /readyz, and memory when idle: without a data directory (the migrated
 * snapshot is there, as after `npm start` has installed), with one, and over PostgreSQL where one was named.
 */
export async function bench({ quick, databaseUrl }: BenchOptions): Promise<Measurements> {
  await ensureSnapshot();
  await using existing = await createPlace('pglite');
  await start(existing, 0);
  await using postgres = databaseUrl === undefined ? undefined : await createPlace('postgres');
  if (postgres !== undefined) await start(postgres, 0);

  const { floor, first, again, over } = await interleave(quick ? 5 : 15, {
    floor: startFloor,
    first: startFirst,
    again: () => start(existing, IDLE_MS),
    over: async () => postgres && start(postgres, IDLE_MS),
  });
  const overPostgres = over.filter((one) => one !== undefined);
  const ms = (starts: readonly Start[]) => starts.map(({ readyMs }) => readyMs);
  const mb = (starts: readonly Start[]) => starts.map(({ residentMb: resident }) => resident);
  return {
    ratios: {
      'first start / bare node:http': ratio(ms(first), ms(floor)),
      'existing data / bare node:http': ratio(ms(again), ms(floor)),
      ...(postgres && { 'PostgreSQL / bare node:http': ratio(ms(overPostgres), ms(floor)) }),
    },
    figures: {
      'bare node:http to its first answer': measured(ms(floor), 'ms'),
      'first start to /readyz': measured(ms(first), 'ms', { atMost: 3_000 }),
      'existing data to /readyz': measured(ms(again), 'ms', { atMost: 1_500 }),
      ...(postgres && { 'PostgreSQL to /readyz': measured(ms(overPostgres), 'ms', { atMost: 1_500 }) }),
      'idle memory, bare node:http': measured(mb(floor), 'MB'),
      'idle memory, embedded database': measured(mb(again), 'MB', { atMost: 700 }),
      ...(postgres && { 'idle memory, PostgreSQL': measured(mb(overPostgres), 'MB', { atMost: 250 }) }),
    },
  };
}

async function startFirst(): Promise<Start> {
  await using place = await createPlace('pglite');
  return await start(place, 0);
}

async function start(place: TestDatabase, idleMs: number): Promise<Start> {
  const begun = performance.now();
  await using server = await startServer({ ...place, environment: { LOG_LEVEL: 'info' } });
  await untilOk(`${server.url}/readyz`);
  const readyMs = performance.now() - begun;
  await sleep(idleMs);
  const resident = await residentMb(server.pid);
  const ended = await Promise.race([server.end('SIGTERM'), sleep(PATIENCE_MS, 'still running', { ref: false })]);
  if (ended !== 0) throw new Error(`the server did not stop cleanly (${ended}):\n${server.log.slice(-20).join('\n')}`);
  return { readyMs, residentMb: resident };
}

async function startFloor(): Promise<Start> {
  const begun = performance.now();
  await using server = await startChild(['-e', FLOOR]);
  await untilOk(server.url);
  return { readyMs: performance.now() - begun, residentMb: await residentMb(server.pid) };
}

/** The line that tells the URL comes when the port is open; `/readyz` may say 503 a moment longer. */
async function untilOk(url: string): Promise<void> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const answer = await fetch(url, { signal: patience });
    await answer.arrayBuffer();
    if (answer.ok) return;
    await sleep(2, undefined, { signal: patience });
  }
}
