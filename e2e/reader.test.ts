import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes, type RunEvent } from '@reeve/contract';
import { createTestDatabase, testDatabaseKind } from '@reeve/testing/database';
import { startServer, type ServerProcess } from '@reeve/testing/server';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

const WORDS = Array.from({ length: 40 }, (_, index) => `word${index} `);

describe('a reader that is cut off in mid-stream', { timeout: 120_000 }, () => {
  let upstream: FakeUpstream;
  before(async () => {
    upstream = await startFakeUpstream();
    upstream.respond(() => ({ text: WORDS, pauseMs: 40 }));
  });
  after(() => upstream[Symbol.asyncDispose]());
  const environment = () => upstream.environment;

  /** Starts a chat and goes away after some events. */
  async function readSome(server: ServerProcess): Promise<RunEvent[]> {
    const seen: RunEvent[] = [];
    for await (const event of createClient({ baseUrl: server.url }).stream(routes.chat, {
      body: { agent_config_id: 'assistant', message: 'go on' },
    })) {
      seen.push(event);
      if (event.type === 'text' && seen.length >= 5) break;
    }
    return seen;
  }

  async function readRest(server: ServerProcess, seen: RunEvent[]): Promise<void> {
    const { run_id, seq } = seen.at(-1)!;
    const response = await fetch(`${server.url}/api/v1/runs/${run_id}/events`, {
      headers: { 'last-event-id': String(seq) },
    });
    assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    for (const [, json] of (await response.text()).matchAll(/^data: (\{.*\})$/gm))
      seen.push(JSON.parse(json!) as RunEvent);
  }

  function assertWhole(seen: readonly RunEvent[]): void {
    assert.deepEqual(
      seen.map(({ seq }) => seq),
      seen.map((_, index) => index + 1),
    );
    assert.equal(seen.flatMap((event) => (event.type === 'text' ? event.delta : [])).join(''), WORDS.join(''));
    assert.equal(seen.at(-1)?.type, 'session_end');
  }

  it('and comes back to the same process sees every event once, and the run never stopped', async () => {
    await using place = await createTestDatabase();
    await using server = await startServer({ ...place, environment: environment() });
    const seen = await readSome(server);
    await readRest(server, seen);
    assertWhole(seen);
    assert.equal(upstream.requests.length, 1);
  });

  it('and comes back after the run has ended and the server was restarted sees every event once', async () => {
    await using place = await createTestDatabase();
    await using first = await startServer({ ...place, environment: environment() });
    const seen = await readSome(first);
    const { run_id } = seen[0]!;
    const client = createClient({ baseUrl: first.url });
    while ((await client.call(routes.getRun, { params: { id: run_id } })).status === 'running')
      await new Promise((next) => setTimeout(next, 50));
    assert.equal(await first.end('SIGTERM'), 0);
    await using second = await startServer({ ...place, environment: environment() });
    await readRest(second, seen);
    assertWhole(seen);
  });

  if (testDatabaseKind === 'postgres') {
    it('and comes back to another process while the run goes on in the first sees every event once', async () => {
      await using place = await createTestDatabase();
      await using elsewhere = await createTestDatabase();
      await using first = await startServer({ ...place, environment: environment() });
      await using second = await startServer({
        url: place.url,
        dataDirectory: elsewhere.dataDirectory,
        environment: environment(),
      });
      const seen = await readSome(first);
      await readRest(second, seen);
      assertWhole(seen);
    });
  }

  it('is ended by a server that stops, without [DONE], and misses nothing later', async () => {
    await using place = await createTestDatabase();
    await using first = await startServer({ ...place, environment: environment() });
    const seen: RunEvent[] = [];
    const reading = (async () => {
      for await (const event of createClient({ baseUrl: first.url }).stream(routes.chat, {
        body: { agent_config_id: 'assistant', message: 'go on' },
      }))
        seen.push(event);
    })();
    while (!seen.some(({ type }) => type === 'text')) await new Promise((next) => setTimeout(next, 20));
    const stopped = first.end('SIGTERM');
    await assert.rejects(reading, /broke off/);
    assert.equal(await stopped, 0);
    await using second = await startServer({ ...place, environment: environment() });
    await readRest(second, seen);
    assertWhole(seen);
  });
});
