import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { createTestDatabase, type TestDatabase } from '@reeve/testing/database';
import { startExternalMemory, type TestExternalMemory } from '@reeve/testing/external-memory';
import { createGrpcClient, memoryTargetOf } from '@reeve/testing/grpc-client';
import { outwaitTheDead } from '@reeve/testing/kill-points';
import { startServer } from '@reeve/testing/server';

/*
 * A real server and a memory backend that finds by meaning, a little. What is remembered is found there once it was told; and by its
 * words at any time, whatever becomes of backend and server.
 */
describe('the external memory of a real server', { timeout: 300_000 }, () => {
  let there: TestExternalMemory;
  before(async () => void (there = await startExternalMemory()));
  afterEach(() => {
    there.tenants.clear();
    there.requests.length = 0;
    there.fault = undefined;
  });
  after(() => there[Symbol.asyncDispose]());

  const serve = (place: TestDatabase, environment: Readonly<Record<string, string>> = {}) =>
    startServer({
      ...place,
      environment: { SOMA_BASE_URL: there.url, SOMA_API_KEY: 'the-key', SOMA_TENANT_ID: 'acme', ...environment },
    });
  const say = async (client: Client, text: string) => (await client.call(routes.remember, { body: { text } })).id;
  const recall = async (client: Client, query: string) => {
    const { backend, matches } = await client.call(routes.recall, { body: { query } });
    return [backend, ...matches.map(({ text }) => text)];
  };
  const idsThere = () => [...(there.tenants.get('acme.default')?.keys() ?? [])].sort();
  const until = async (condition: () => boolean | Promise<boolean>) => {
    while (!(await condition())) await sleep(100);
  };
  const memoryOf = async (client: Client) => (await client.call(routes.getHealth, {})).components.memory;

  it('finds a paraphrase, shows it to runs, and falls back while it is down, which the answer and the health say', async () => {
    await using place = await createTestDatabase();
    await using server = await serve(place, { MEMORY_PORT: '0' });
    const client = createClient({ baseUrl: server.url });
    const id = await say(client, 'The physician has a vehicle');
    await until(() => idsThere().includes(id));
    assert.deepEqual(await recall(client, 'car of the doctor'), ['external', 'The physician has a vehicle']);
    assert.ok(there.requests.every(({ headers }) => headers['authorization'] === 'Bearer the-key'));
    assert.equal((await memoryOf(client)).status, 'ok');
    const searched = () => there.requests.filter(({ path }) => path === '/memory/recall').length;
    const before = searched();
    await client.call(routes.execute, { body: { task: 'car of the doctor', timeout_ms: 60_000 } });
    assert.ok(searched() > before, 'a run asks it, too');
    using rpc = createGrpcClient('reeve.v1.Memory', memoryTargetOf(server));
    const called = await rpc.call('Recall', { query: 'car of the doctor' });
    assert.ok('response' in called);
    assert.equal(called.response['backend'], 'external');
    const asked = searched();
    await rpc.call('GetRAGContext', { query: 'car of the doctor' });
    await client.call(routes.getRagContext, { body: { query: 'car of the doctor' } });
    const messages = { query: 'car of the doctor', kinds: ['message'] as 'message'[] };
    await client.call(routes.recall, { body: messages });
    await rpc.call('Recall', messages);
    const byMcp = await fetch(`${server.url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'recall', arguments: messages },
      }),
    });
    assert.match(await byMcp.text(), /built_in/);
    assert.equal(searched(), asked, 'it has no documents and no messages, and is not asked for any');

    there.fault = () => ({ status: 500 });
    for (let times = 0; times < 4; times += 1)
      assert.deepEqual(await recall(client, 'vehicle'), ['fallback', 'The physician has a vehicle']);
    const { status, message } = await memoryOf(client);
    assert.deepEqual([status, message], ['degraded', 'the external memory does not answer; the built-in one does']);
    assert.ok(server.log.some((line) => line.includes('the external memory does not answer')));
    assert.ok(!server.log.some((line) => line.includes('the-key')));
    await client.call(routes.deleteMemory, { params: { id } });
    const later = await say(client, 'Lentils need an hour');
    assert.deepEqual(await recall(client, 'lentils'), ['fallback', 'Lentils need an hour']);
    there.fault = undefined;
    await until(() => idsThere().join() === later);
    // Though nobody recalls anything.
    await until(async () => (await memoryOf(client)).status === 'ok');
    await until(async () => (await recall(client, 'lentils'))[0] === 'external');
    assert.equal((await memoryOf(client)).status, 'ok');
  });

  it('is told everything, once, of what a server that was killed had remembered and forgotten', async () => {
    await using place = await createTestDatabase();
    let gone: string;
    const kept: string[] = [];
    {
      await using first = await serve(place);
      const client = createClient({ baseUrl: first.url });
      gone = await say(client, 'The vehicle is red');
      await until(() => idsThere().length === 1);
      // From here on it has committed what it has not sent, sent what it has not heard of, and does not live to.
      there.fault = ({ path }) => (path === '/memory/forget' ? 'silent' : 'lost');
      await client.call(routes.deleteMemory, { params: { id: gone } });
      for (const text of ['Ada likes tea', 'Bob has a boat', 'Carla plays chess']) kept.push(await say(client, text));
      await until(() => there.requests.some(({ path }) => path === '/memory/forget'));
      assert.equal(await first.end('SIGKILL'), 'SIGKILL');
    }
    there.fault = undefined;
    await outwaitTheDead(place);
    await using second = await serve(place);
    await until(() => idsThere().join() === kept.toSorted().join());
    const client = createClient({ baseUrl: second.url });
    await until(async () => (await recall(client, 'boat'))[0] === 'external');
  });

  it('is brought what was remembered without it, and nothing at all where it is switched off', async () => {
    await using place = await createTestDatabase();
    let id: string;
    {
      await using without = await serve(place, { SOMA_ENABLED: 'false' });
      const client = createClient({ baseUrl: without.url });
      id = await say(client, 'The vehicle is red');
      assert.deepEqual(await recall(client, 'vehicle'), ['built_in', 'The vehicle is red']);
      assert.equal((await memoryOf(client)).message, 'lexical retrieval');
      await without.end('SIGTERM');
    }
    assert.deepEqual(there.requests, []);
    await using _ = await serve(place);
    await until(() => idsThere().join() === id);
  });
});
