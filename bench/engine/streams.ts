import { Agent as Connections, get } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient, type Client } from '@reeve/client';
import { routes, type RunEvent } from '@reeve/contract';
import { startServer, type ServerProcess } from '@reeve/testing';
import { residentMb, startChild } from '../child.ts';
import { measured, percentile, type Measurements } from '../measure.ts';
import { createPlace } from '../place.ts';
import type { Extent } from './figures.ts';

const RUNS = 10;
const READERS = 1_000;
/** The upstream holds its answer back until all readers are there, then writes so many chunks, this far apart. */
const CHUNKS = 10;
const GAP_MS = 300;

/** What a reader saw. */
interface Seen {
  readonly events: RunEvent[];
  /** From the time in the event, which is taken before its commit, to its reader, in milliseconds. */
  readonly delays: number[];
}

/** A thousand readers of the events of ten runs over HTTP: memory of the server for each, events missed, delay of text. */
export async function measureStreams({ serverUrl }: Extent): Promise<Measurements> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startChild([fileURLToPath(new URL('../gateway/upstream.ts', import.meta.url))]));
  const place = stack.use(await createPlace(serverUrl === undefined ? 'pglite' : 'postgres'));
  const model = `hold-${CHUNKS}-${GAP_MS}`;
  const environment = {
    LLM_PROVIDER: 'openai-compatible',
    LLM_MODEL: model,
    LLM_BASE_URL: upstream.url,
    LOG_LEVEL: 'info',
    REEVE_WORKER_CONCURRENCY: String(RUNS),
  };
  const server = stack.use(await startServer({ ...place, environment }));
  const client = createClient({ baseUrl: server.url });
  const ids = await Promise.all(Array.from({ length: RUNS }, () => startRun(client)));
  const connections = new Connections({ maxSockets: Infinity });
  stack.defer(() => connections.destroy());

  const few = await openReaders(server, ids, connections, RUNS);
  await sleep(500);
  const before = await residentMb(server.pid);
  const many = await openReaders(server, ids, connections, READERS - RUNS);
  await sleep(500);
  const after = await residentMb(server.pid);
  await fetch(`${upstream.url}/release`, { method: 'POST' });
  const seen = await Promise.all([...few, ...many]);

  const kind = serverUrl === undefined ? 'PGlite' : 'PostgreSQL';
  const delays = seen.flatMap((one) => one.delays);
  return {
    ratios: {
      [`memory of an open stream of ${READERS}, ${kind}`]: measured(
        [((after - before) * 1_000) / (READERS - RUNS)],
        'kB',
        { atMost: 30 },
      ),
      [`events missed or seen twice by ${READERS} readers, ${kind}`]: measured(
        [seen.reduce((sum, { events }) => sum + faultsOf(events), 0)],
        'events',
        { atMost: 0 },
      ),
      [`delay of text, p99 of ${READERS} readers, ${kind}`]: measured([percentile(delays, 99)], 'ms', { atMost: 100 }),
    },
    figures: {
      [`delay of text, p50 of ${READERS} readers, ${kind}`]: measured([percentile(delays, 50)], 'ms'),
      [`events read by ${READERS} readers, ${kind}`]: measured(
        [seen.reduce((sum, { events }) => sum + events.length, 0)],
        'events',
      ),
    },
  };
}

/** A chat whose first reader leaves at once. */
async function startRun(client: Client): Promise<string> {
  const body = { agent_config_id: 'assistant', message: 'go on' };
  for await (const event of client.stream(routes.chat, { body })) return event.run_id;
  throw new Error('a run ended without an event');
}

/** Resolves once all are open; each of their promises once its stream has ended. */
async function openReaders(
  server: ServerProcess,
  ids: readonly string[],
  connections: Connections,
  readers: number,
): Promise<Promise<Seen>[]> {
  const ends: Promise<Seen>[] = [];
  // A few at a time: a thousand connections in one moment are another benchmark.
  for (let from = 0; from < readers; from += 50) {
    const opening = Array.from({ length: Math.min(50, readers - from) }, (_, index) =>
      openReader(`${server.url}/api/v1/runs/${ids[(from + index) % ids.length]}/events`, connections),
    );
    ends.push(...(await Promise.all(opening)).map(({ ended }) => ended));
  }
  return ends;
}

/** Resolves with its first event. */
function openReader(url: string, connections: Connections): Promise<{ readonly ended: Promise<Seen> }> {
  const first = Promise.withResolvers<{ ended: Promise<Seen> }>();
  const ended = Promise.withResolvers<Seen>();
  const seen: Seen = { events: [], delays: [] };
  const fail = (error: Error) => {
    first.reject(error);
    ended.reject(error);
  };
  ended.promise.catch(() => undefined);
  const request = get(url, { agent: connections }, (response) => {
    if (response.statusCode !== 200) return fail(new Error(`${url} answered ${response.statusCode}`));
    createInterface(response).on('line', (line) => {
      if (!line.startsWith('data: {')) return;
      const event = JSON.parse(line.slice(6)) as RunEvent;
      seen.events.push(event);
      if (event.type === 'text') seen.delays.push(Date.now() - Date.parse(event.timestamp));
      first.resolve({ ended: ended.promise });
    });
    response.on('error', fail);
    response.on('end', () => ended.resolve(seen));
  });
  request.on('error', fail);
  return first.promise;
}

/** Numbers that are not where they belong, an end that is missing included. */
function faultsOf(events: readonly RunEvent[]): number {
  const misplaced = events.filter(({ seq }, index) => seq !== index + 1).length;
  return misplaced + (events.at(-1)?.type === 'session_end' ? 0 : 1);
}
