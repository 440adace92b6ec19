// runs on: both databases
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { recordJournal } from '@reeve/audit';
import { createClient } from '@reeve/client';
import { ErrorBody, TaskEvent } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { createApp, startHttpServer, type HttpServer } from '@reeve/http';
import { newId, ReeveError, silentLog, sleep } from '@reeve/kit';
import { insertBareTask, openTestDatabase } from '@reeve/testing';
import { createJournalFeed, type JournalFeed } from './journal-feed.ts';
import { mountTaskStreams } from './live-routes.ts';

describe('the live streams of tasks', { timeout: 60_000 }, () => {
  let database: Database;
  let feed: JournalFeed;
  let server: HttpServer;
  let taskId: string;

  before(async () => {
    database = await openTestDatabase();
    feed = createJournalFeed(database);
    server = await serve(new AbortController().signal);
    taskId = await insertBareTask(database, { status: 'completed' });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await feed[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  /** Keys are the names of tenants. */
  function serve(stopping: AbortSignal): Promise<HttpServer> {
    const app = createApp({
      service: 'test',
      log: silentLog,
      stopping,
      db: database.db,
      authenticate: async (header) => {
        const tenantId = header('x-api-key') ?? header('authorization')?.replace('Bearer ', '');
        if (tenantId !== 'default' && tenantId !== 'other') throw new ReeveError('unauthenticated', 'no');
        return { tenantId, userId: 'ada', role: 'viewer', via: 'api_key' };
      },
    });
    mountTaskStreams(app, database, feed, async (_, __, ref) => ref);
    return startHttpServer(app, { host: '127.0.0.1', port: 0 });
  }

  async function write(count: number, fields: { agentId?: string } = {}): Promise<string[]> {
    const entry = {
      tenantId: 'default',
      type: 'task_started',
      summary: 'x',
      agentId: 'ada',
      taskId,
      ...fields,
    } as const;
    const ids = await inTenant(database.db, 'default', (tx) =>
      recordJournal(
        tx,
        Array.from({ length: count }, () => entry),
      ),
    );
    database.notify('reeve_journal', 'default');
    return ids;
  }
  const headers = (tenant: string, more: Record<string, string> = {}) => ({
    headers: { 'x-api-key': tenant, ...more },
  });

  /** A stream's text until it holds what is looked for. */
  async function textUntil(path: string, init: RequestInit, found: (text: string) => boolean): Promise<string> {
    const gone = new AbortController();
    const response = await fetch(`${server.url}${path}`, { ...init, signal: gone.signal });
    assert.equal(response.status, 200, path);
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (found(text)) break;
    }
    gone.abort();
    return text;
  }
  const dataOf = (text: string) =>
    [...text.matchAll(/^data: (\{.*\})$/gm)].map((match) => TaskEvent.parse(JSON.parse(match[1]!)));

  /** As a page does it: with the key as a subprotocol. */
  async function watch(tenant: string, query: string) {
    const address = `${server.url.replace('http', 'ws')}/ws/v1/tasks${query}`;
    const socket = new WebSocket(address, ['reeve', `reeve.key.${tenant}`]);
    const got: { event: string; data: TaskEvent }[] = [];
    socket.addEventListener('message', ({ data }) => got.push(JSON.parse(String(data)) as (typeof got)[number]));
    await new Promise((resolve) => socket.addEventListener('message', resolve, { once: true }));
    return {
      socket,
      async frames(count: number) {
        while (got.length < count) await sleep(5);
        return got;
      },
    };
  }

  it('say where they begin, then each event with its id, from the place that is named', async () => {
    const begin = await feed.now();
    const written = await write(3);
    const four = (text: string) => text.split('\n\n').length > 5;
    const text = await textUntil(`/api/agents/tasks/stream?after=${begin}`, headers('default'), four);
    assert.ok(text.startsWith(`: open\n\nid: ${begin}\n\nid: `), text);
    const events = dataOf(text);
    assert.deepEqual(
      events.map(({ entry }) => entry.id),
      written,
    );
    assert.equal(events[0]!.task?.id, taskId);
    assert.ok(text.includes(`id: ${events[1]!.id}\ndata: `));

    const resumed = { 'last-event-id': events[1]!.id };
    const rest = await textUntil(`/api/agents/tasks/stream?after=${begin}`, headers('default', resumed), (got) =>
      got.includes(written[2]!),
    );
    assert.deepEqual(
      dataOf(rest).map(({ entry }) => entry.id),
      [written[2]],
    );
  });

  it('refuse an id that is none, and a task that is not the caller’s', async () => {
    for (const [path, init, status] of [
      ['/api/agents/tasks/stream?after=x', headers('default'), 400],
      ['/api/agents/tasks/stream', headers('default', { 'last-event-id': '7' }), 400],
      ['/api/agents/tasks/stream', headers('stranger'), 401],
      [`/api/agents/tasks/${newId()}/events`, headers('default'), 404],
      [`/api/agents/tasks/${taskId}/events`, headers('other'), 404],
      ['/ws/v1/tasks', headers('default'), 400],
    ] as const) {
      const response = await fetch(`${server.url}${path}`, init);
      assert.equal(response.status, status, path);
      ErrorBody.parse(await response.json());
    }
  });

  it('of one task end with it', async () => {
    const response = await fetch(`${server.url}/api/agents/tasks/${taskId}/events`, headers('default'));
    const text = await response.text();
    assert.ok(text.endsWith('data: [DONE]\n\n'));
    assert.deepEqual(
      dataOf(text).map(({ entry }) => entry.task_id),
      [taskId, taskId, taskId],
    );
  });

  it('come over a WebSocket too, from where it left off, and not to other tenants', async () => {
    const begin = await feed.now();
    const mine = await watch('default', '');
    const theirs = await watch('other', `?after=${begin}`);
    const [ack] = await mine.frames(1);
    assert.deepEqual([ack?.event, /^\d+-0$/.test(ack?.data.id ?? '')], ['ack', true]);
    mine.socket.send('{"hello":true}');
    mine.socket.send('hello');
    const written = await write(3);
    const got = await mine.frames(5);
    assert.deepEqual(got.map(({ event }) => event).sort(), ['ack', 'error', ...Array<string>(3).fill('task_started')]);
    const events = got.filter(({ event }) => event === 'task_started').map(({ data }) => TaskEvent.parse(data));
    assert.deepEqual(
      events.map(({ entry }) => entry.id),
      written,
    );
    const again = await watch('default', `?after=${events[0]!.id}&agent_id=ada&task_type=chat`);
    const [, ...rest] = await again.frames(3);
    assert.deepEqual(
      rest.map(({ data }) => data.entry.id),
      written.slice(1),
    );
    assert.deepEqual((await theirs.frames(1)).length, 1);
    for (const { socket } of [mine, theirs, again]) socket.close();
  });

  it('are followed by the client across lost connections and a server that stops, each event once', async () => {
    const stopping = new AbortController();
    const first = await serve(stopping.signal);
    let target = first.url;
    const sockets = new Set<Socket>();
    const proxy = createServer((client) => {
      const upstream = connect(Number(new URL(target).port), '127.0.0.1');
      for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined));
      client.pipe(upstream).pipe(client);
      upstream.on('close', () => client.destroy());
      client.on('close', () => upstream.destroy());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const cut = () => sockets.forEach((socket) => socket.destroy());
    const { port } = proxy.address() as { port: number };
    const client = createClient({ baseUrl: `http://127.0.0.1:${port}`, apiKey: 'default' });
    const gone = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const event of client.followTasks({ agentId: 'eve', signal: gone.signal })) seen.push(event.entry.id);
    })();
    const until = async (count: number) => {
      while (seen.length < count) await sleep(10);
    };
    await sleep(200);
    cut();
    const written = await write(2, { agentId: 'eve' });
    await until(2);
    cut();
    written.push(...(await write(2, { agentId: 'eve' })));
    await write(1, { agentId: 'mallory' });
    await until(4);
    target = server.url;
    stopping.abort();
    await first[Symbol.asyncDispose]();
    written.push(...(await write(1, { agentId: 'eve' })));
    await until(5);
    await sleep(50);
    assert.deepEqual(seen, written);
    gone.abort(new Error('enough'));
    await assert.rejects(following, /enough|abort/i);
    cut();
    proxy.close();
  });

  it('are refused to the client at once where they are refused', async () => {
    const client = createClient({ baseUrl: server.url, apiKey: 'stranger' });
    await assert.rejects(client.followTasks().next(), { code: 'unauthenticated' });
    const wrong = createClient({ baseUrl: server.url, apiKey: 'default' });
    await assert.rejects(wrong.followTasks({ after: 'x' }).next(), { code: 'invalid_request' });
  });
});
