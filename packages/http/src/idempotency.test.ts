// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { defineRoute, ErrorBody } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import { z } from 'zod';
import { createApp, type App } from './app.ts';
import { EventStream } from './sse.ts';

const create = defineRoute({
  method: 'POST',
  path: '/things',
  tag: 'Things',
  summary: 'Make one',
  access: 'member',
  creates: true,
  body: z.strictObject({ name: z.string() }),
  responses: { 201: z.object({ n: z.number() }) },
});

describe('an idempotency key', () => {
  let database: Database;
  let app: App;
  let made: number;
  let work: (name: string) => Promise<void>;

  before(async () => {
    database = await openTestDatabase();
    app = createApp({
      service: 'test',
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
      follow: (_, source) =>
        new EventStream(async function* () {
          yield { id: 1, data: source };
        }),
      authenticate: async (header) => ({
        tenantId: header('x-tenant-id') ?? 'default',
        userId: 'ada',
        role: 'admin',
        via: 'api_key',
      }),
    });
    app.mount(create, async ({ body }) => {
      made += 1;
      const n = made;
      if (body.name === 'run') return new EventStream(async function* () {}, `run-${n}`);
      if (body.name === 'stream') return new EventStream(async function* () {});
      await work(body.name);
      return { n };
    });
  });
  beforeEach(async () => {
    made = 0;
    work = async () => {};
    await database.db.deleteFrom('idempotency_keys').execute();
  });
  after(() => database[Symbol.asyncDispose]());

  async function post(key: string, name = 'x', tenant = 'default') {
    const response = await app.fetch(
      new Request('http://test/things', {
        method: 'POST',
        body: JSON.stringify({ name }),
        headers: { 'content-type': 'application/json', 'idempotency-key': key, 'x-tenant-id': tenant },
      }),
    );
    const replayed = response.headers.get('idempotent-replayed');
    if (response.headers.get('content-type')?.startsWith('text/event-stream'))
      return { status: response.status, replayed, body: await response.text() };
    const body = (await response.json()) as { n?: number };
    if (!response.ok) ErrorBody.parse(body);
    return { status: response.status, replayed, body: body.n };
  }

  it('answers the same request with the first answer and says so, and does nothing again', async () => {
    assert.deepEqual(await post('k'), { status: 201, replayed: null, body: 1 });
    assert.deepEqual(await post('k'), { status: 201, replayed: 'true', body: 1 });
    assert.equal((await post('another')).body, 2);
  });

  it('is a conflict with another body, and while the first call is under way', async () => {
    await post('k');
    assert.equal((await post('k', 'y')).status, 409);
    const { promise: goOn, resolve } = Promise.withResolvers<void>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    work = () => (begin(), goOn);
    const first = post('slow');
    await begun;
    assert.equal((await post('slow')).status, 409);
    resolve();
    assert.equal((await first).status, 201);
    assert.deepEqual(await post('slow'), { status: 201, replayed: 'true', body: 2 });
  });

  it('runs one of many calls that come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('k')));
    assert.equal(made, 1);
    assert.ok(answers.every(({ status, body }) => status === 409 || (status === 201 && body === 1)));
  });

  it('is free again after a call that failed, and after a stream of nothing that goes on', async () => {
    work = async () => {
      throw new ReeveError('unavailable', 'not now');
    };
    assert.equal((await post('k')).status, 503);
    work = async () => {};
    assert.deepEqual(await post('k'), { status: 201, replayed: null, body: 2 });
    assert.equal((await post('s', 'stream')).body, ': open\n\ndata: [DONE]\n\n');
    assert.equal((await post('s', 'stream')).replayed, null);
  });

  it('goes on with what the first call began, where that was a stream of a run or gave up waiting for one', async () => {
    await post('k', 'run');
    assert.deepEqual(await post('k', 'run'), {
      status: 200,
      replayed: 'true',
      body: ': open\n\nid: 1\ndata: "run-1"\n\ndata: [DONE]\n\n',
    });
    work = async () => {
      throw new ReeveError('timeout', 'too long', { runId: 'run-2' });
    };
    assert.equal((await post('slow')).status, 504);
    assert.deepEqual(await post('slow'), { status: 504, replayed: 'true', body: undefined });
    assert.equal(made, 2);
  });

  it('is kept where nobody knows whether the work was done, so that a repeat does not do it again', async () => {
    work = async () => {
      throw new ReeveError('timeout', 'perhaps', { unsure: true });
    };
    assert.equal((await post('unsure')).status, 504);
    work = async () => {};
    assert.deepEqual(await post('unsure'), { status: 504, replayed: 'true', body: undefined });
    assert.equal(made, 1);
  });

  it("is another key in another tenant's hands", async () => {
    await post('k');
    assert.deepEqual(await post('k', 'x', 'other'), { status: 201, replayed: null, body: 2 });
  });

  it('is forgotten after a day, and after a quarter of an hour where its first call never ended', async () => {
    await post('k');
    const age = (text: string) =>
      sql`update idempotency_keys set created_at = reeve_now() - ${text}::interval`.execute(database.db);
    await age('23 hours 59 minutes');
    assert.equal((await post('k')).replayed, 'true');
    await age('24 hours 1 minute');
    assert.equal((await post('k', 'y')).body, 2);
    await sql`update idempotency_keys set status = null`.execute(database.db);
    await age('14 minutes');
    assert.equal((await post('k', 'y')).status, 409);
    await age('16 minutes');
    assert.equal((await post('k', 'y')).body, 3);
  });

  it('must be 1 to 255 characters', async () => {
    for (const key of ['', 'k'.repeat(256)]) assert.equal((await post(key)).status, 400, `${key.length}`);
    assert.equal((await post(`k'"; drop table tasks --`.padEnd(255))).status, 201);
  });
});
