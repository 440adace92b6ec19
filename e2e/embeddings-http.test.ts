import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { openDatabase } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { sql } from 'kysely';
import { createTestDatabase, passTime, type TestDatabase } from '@reeve/testing/database';
import { startServer } from '@reeve/testing/server';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

type UpstreamRequest = FakeUpstream['requests'][number];

/*
 * A real server and a provider of embeddings that knows a few words by what they mean. What is remembered is found by a paraphrase
 * once it has its vector; and by its words at any time, whatever becomes of provider and server.
 */
const MEANINGS = [
  ['car', 'vehicle', 'automobile'],
  ['buy', 'acquired', 'purchase'],
  ['doctor', 'physician'],
];

const vectorOf = (text: string) => {
  const words = text.toLowerCase().split(/\W+/);
  return [...MEANINGS.map((some) => words.filter((word) => some.includes(word)).length), 0.1];
};
const recall = (client: Client, query: string) => client.call(routes.recall, { body: { query, top_k: 3 } });
const untilHybrid = async (client: Client, query: string) => {
  for (;;) {
    const found = await recall(client, query);
    if (found.retrieval === 'hybrid') return found;
    await sleep(200);
  }
};
const textsOf = ({ messages }: UpstreamRequest) => messages.map(({ text }) => text);

describe('embeddings of a model that runs in the server', { timeout: 300_000 }, () => {
  it('find a paraphrase without anybody being asked, and the model ends with its server', async () => {
    await using place = await createTestDatabase();
    const EMBEDDING_MODEL = join(import.meta.dirname, '../packages/models/test/fixtures/tiny');
    await using server = await startServer({ ...place, environment: { EMBEDDING_PROVIDER: 'onnx', EMBEDDING_MODEL } });
    const client = createClient({ baseUrl: server.url });
    await client.call(routes.remember, { body: { text: 'The physician acquired a vehicle' } });
    await client.call(routes.remember, { body: { text: 'Lentils need an hour' } });
    const { matches } = await untilHybrid(client, 'car doctor buy');
    assert.equal(matches[0]!.text, 'The physician acquired a vehicle');
    const { calls } = await client.call(routes.listModelCalls, { query: {} });
    assert.ok(calls.length >= 2, 'of the texts and of the query');
    // Queries before the model was loaded were given up, at no cost either.
    assert.ok(calls.every(({ model, cost_usd: usd }) => /tiny@[0-9a-f]{12}$/.test(model) && Number(usd) === 0));
    await server.end('SIGTERM');
  });
});

describe('embeddings of a real server', { timeout: 300_000 }, () => {
  let upstream: FakeUpstream;
  before(async () => void (upstream = await startFakeUpstream()));
  afterEach(() => upstream.reset());
  after(() => upstream[Symbol.asyncDispose]());

  const serve = (place: TestDatabase, model: string) =>
    startServer({
      ...place,
      environment: { ...upstream.environment, EMBEDDING_PROVIDER: 'openai-compatible', EMBEDDING_MODEL: model },
    });
  const answer = (of: UpstreamRequest) => ({
    vectors: textsOf(of).map(vectorOf),
    usage: { inputTokens: 5, outputTokens: 0 },
  });

  it('find a paraphrase, on the tenant’s account, and leave words alone while the provider is down', async () => {
    upstream.respond(answer);
    await using place = await createTestDatabase();
    await using server = await serve(place, 'small');
    const client = createClient({ baseUrl: server.url });
    await client.call(routes.remember, { body: { text: 'The physician acquired a vehicle' } });
    await client.call(routes.remember, { body: { text: 'Lentils need an hour' } });
    const { matches } = await untilHybrid(client, 'which car did my doctor buy?');
    assert.equal(matches[0]!.text, 'The physician acquired a vehicle');
    const { calls } = await client.call(routes.listModelCalls, { query: {} });
    const embedded = calls.filter(({ model }) => model === 'openai-compatible/small' || model === 'small');
    assert.ok(embedded.length >= 2, 'of the texts and of the query');
    assert.ok(embedded.every(({ input_tokens: tokens }) => tokens === 5));
    // A run is shown it too, at a door and out of the queue.
    upstream.respond((of) => (of.protocol === 'embeddings' ? answer(of) : { text: ['Yes.'] }));
    const shown = () =>
      upstream.requests.some(
        ({ protocol, messages }) => protocol !== 'embeddings' && /acquired/.test(JSON.stringify(messages)),
      );
    await client.call(routes.execute, { body: { task: 'my doctor wants to buy a car', timeout_ms: 60_000 } });
    assert.ok(shown());
    upstream.reset();
    upstream.respond((of) => (of.protocol === 'embeddings' ? answer(of) : { text: ['Yes.'] }));
    const task = { agent_id: 'assistant', task_type: 'agent_task', title: 'a doctor wants to buy a car' };
    await client.call(routes.createTask, { body: task });
    while (!shown()) await sleep(100);
    upstream.respond(() => ({ fault: 'silent' }));
    for (let times = 0; times < 5; times += 1) {
      const began = performance.now();
      const found = await recall(client, 'physician');
      assert.deepEqual([found.retrieval, found.matches.length], ['lexical', 1]);
      assert.ok(performance.now() - began < 10_000);
    }
    const health = await client.call(routes.getLive, {});
    assert.ok(health);
  });

  it('of another model are built beside the old ones, through a SIGKILL, and none is lost or made twice', async () => {
    const COUNT = 200;
    await using place = await createTestDatabase();
    upstream.respond(answer);
    const QUERY = 'the number of an automobile';
    /** Every answer is whole, however it was found: one that the models change under is lexical. */
    const ask = async (client: Client) => {
      const { retrieval, matches } = await recall(client, QUERY);
      assert.equal(matches.length, 3);
      return retrieval;
    };
    const text = (n: number) => `The vehicle number ${n}`;
    {
      await using server = await serve(place, 'old');
      const client = createClient({ baseUrl: server.url });
      for (let n = 0; n < COUNT; n += 1) await client.call(routes.remember, { body: { text: text(n) } });
      await untilHybrid(client, QUERY);
      await server.end('SIGTERM');
    }
    const made = () => upstream.requests.filter(({ model }) => model === 'next').flatMap(textsOf);
    {
      // The provider takes its time, so that the server dies in the middle.
      upstream.respond((of) => ({ ...answer(of), ...(of.model === 'next' && { delayMs: 700 }) }));
      await using server = await serve(place, 'next');
      const client = createClient({ baseUrl: server.url });
      let hybrid = 0;
      while (made().length < 100) {
        hybrid += Number((await ask(client)) === 'hybrid');
        await sleep(100);
      }
      assert.ok(hybrid > 0, 'the old model’s vectors answer meanwhile');
      await server.end('SIGKILL');
    }
    const before = made().length;
    assert.ok(before < COUNT, 'it was killed before it was done');
    await outwait(place);
    upstream.respond(answer);
    await using server = await serve(place, 'next');
    const client = createClient({ baseUrl: server.url });
    while (!made().includes(QUERY)) {
      await ask(client);
      await sleep(200);
    }
    // The old ones go once the new ones answer.
    await sleep(1_500);
    await server.end('SIGTERM');
    const texts = made().filter((one) => one.startsWith('The vehicle'));
    assert.equal(new Set(texts).size, COUNT);
    assert.ok(texts.length <= COUNT + 64, `one batch again at the most, these are ${texts.length}`);
    await using database = await openDatabase({ ...place, dataDirectory: dataOf(place), pool: 4, log: silentLog });
    const spaces = await database.db.selectFrom('embedding_spaces').select(['model', 'state']).execute();
    assert.deepEqual(spaces, [{ model: 'openai-compatible/next', state: 'live' }]);
    const { rows } = await sql<{ text: string }>`
      select m.text from embeddings e join memories m on m.id::text = e.ref`.execute(database.db);
    assert.deepEqual(rows.map((row) => row.text).sort(), Array.from({ length: COUNT }, (_, n) => text(n)).sort());
  });
});

const dataOf = ({ dataDirectory }: TestDatabase) => `${dataDirectory}/data`;

/** What a dead server held is free after two minutes; the embedded database knows at once. */
async function outwait(place: TestDatabase): Promise<void> {
  if (place.url === undefined) return;
  await using database = await openDatabase({ ...place, pool: 4, log: silentLog });
  await passTime(database, 121_000);
}
