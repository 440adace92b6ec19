// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { defineRoute, ErrorBody, type Role } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { currentContext, ReeveError, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { z } from 'zod';
import { Reply } from './answer.ts';
import { createApp, type App } from './app.ts';
import { BODY_LIMIT } from './body.ts';
import { EventStream } from './sse.ts';

const Thing = z.object({ name: z.string() });
const createThing = defineRoute({
  method: 'POST',
  path: '/things',
  tag: 'Things',
  summary: 'Make one',
  access: 'member',
  creates: true,
  body: z.strictObject({
    name: z.string().min(1).max(5),
    size: z.number().int().optional(),
    more: z.unknown().optional(),
  }),
  responses: { 201: Thing },
});
const listThings = defineRoute({
  method: 'GET',
  path: '/things',
  tag: 'Things',
  summary: 'All',
  access: 'viewer',
  query: z.strictObject({ q: z.string().optional() }),
  responses: { 200: Thing },
});
const getThing = defineRoute({
  method: 'GET',
  path: '/things/{id}',
  tag: 'Things',
  summary: 'One',
  access: 'viewer',
  params: z.strictObject({ id: z.uuid('must be a UUID') }),
  responses: { 200: Thing },
});
const deleteThing = defineRoute({
  method: 'DELETE',
  path: '/things/{id}',
  tag: 'Things',
  summary: 'None',
  access: 'admin',
  responses: { 204: null },
});
const streamThings = defineRoute({
  method: 'GET',
  path: '/stream',
  tag: 'Things',
  summary: 'Live',
  access: 'public',
  events: Thing,
  responses: { 200: z.string() },
  produces: 'text/event-stream',
});
const breakThing = defineRoute({
  method: 'POST',
  path: '/break',
  tag: 'Things',
  summary: 'Broken',
  access: 'public',
  body: z.strictObject({ how: z.string() }),
  responses: { 200: Thing },
});
const foreignThing = defineRoute({
  method: 'POST',
  path: '/foreign',
  tag: 'Things',
  summary: 'Of another protocol',
  access: 'member',
  failures: { schema: z.object({ fault: z.string() }), of: ({ error, status }) => ({ fault: `${status}: ${error}` }) },
  body: z.object({ how: z.enum(['run', 'headers', 'stream']) }),
  responses: { 200: Thing },
});
const page = defineRoute({
  method: 'GET',
  path: '/page.html',
  tag: 'Things',
  summary: 'A page',
  access: 'public',
  responses: { 200: z.string() },
  produces: 'text/html',
});

describe('an application', () => {
  let database: Database;
  let app: App;
  let role: Role = 'admin';
  let streamsBegun = 0;

  before(async () => {
    database = await openTestDatabase();
    app = createApp({
      service: 'test',
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
      authenticate: async (header) => {
        if (header('x-api-key') === 'wrong') throw new ReeveError('unauthenticated', 'no');
        return { tenantId: 'default', userId: 'ada', role, via: 'api_key' };
      },
    });
    app.mount(createThing, async ({ body }) => ({ name: body.name }));
    app.mount(listThings, async ({ query }) => ({ name: query.q ?? 'all' }));
    app.mount(getThing, async ({ params }) => ({ name: params.id }));
    app.mount(deleteThing, async () => null);
    app.mount(
      streamThings,
      async () =>
        new EventStream(async function* () {
          streamsBegun += 1;
          yield { id: 1, data: { name: 'live' } };
        }),
    );
    app.mount(foreignThing, async ({ body }) => {
      const headers = { 'x-thing': 'seven' };
      if (body.how === 'run') throw new ReeveError('timeout', 'too long', { runId: 'run-7' });
      if (body.how === 'headers') return new Reply(200, { name: 'x' }, undefined, headers);
      return new EventStream(async function* () {}, undefined, headers);
    });
    app.mount(breakThing, async ({ body }) => {
      switch (body.how) {
        case 'reply':
          return new Reply(202, { name: currentContext()!.tenantId ?? 'nobody' });
        case 'retry':
          throw new ReeveError('rate_limited', 'slow down', { retryAfterMs: 1_500 });
        case 'run':
          throw new ReeveError('timeout', 'too long', { runId: 'run-7' });
        case 'database':
          throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:5432'), { code: 'ECONNREFUSED' });
        default:
          throw new Error(`select secret from ${import.meta.filename}`);
      }
    });
    app.mount(page, async () => '<p>page</p>');
    app.fallback(async (request) => (new URL(request.url).pathname === '/file.js' ? new Response('file') : undefined));
  });
  after(() => database[Symbol.asyncDispose]());

  const send = (method: string, path: string, init: RequestInit = {}) =>
    app.fetch(new Request(`http://test${path}`, { method, ...init }));
  const post = (
    body: BodyInit | null,
    headers: Record<string, string> = { 'content-type': 'application/json' },
    path = '/things',
  ) => send('POST', path, { body, headers, ...(body instanceof ReadableStream && { duplex: 'half' }) } as RequestInit);

  async function refused(answer: Promise<Response>, status: number, code: string): Promise<ErrorBody> {
    const response = await answer;
    const body = ErrorBody.strict().parse(await response.json());
    assert.deepEqual([response.status, body.code, body.service], [status, code, 'test'], body.error);
    assert.equal(response.headers.get('x-request-id'), body.request_id);
    assert.equal(response.headers.get('x-trace-id'), body.trace_id);
    assert.equal(response.headers.get('content-type'), 'application/json');
    return body;
  }

  it('answers with the status of the route, and with another by a reply', async () => {
    const made = await post('{"name":"x"}');
    assert.deepEqual([made.status, await made.json()], [201, { name: 'x' }]);
    const gone = await send('DELETE', '/things/7');
    assert.deepEqual([gone.status, await gone.text()], [204, '']);
    const replied = await post('{"how":"reply"}', undefined, '/break');
    assert.deepEqual([replied.status, await replied.json()], [202, { name: 'nobody' }]);
    const html = await send('GET', '/page.html');
    assert.deepEqual([html.headers.get('content-type'), await html.text()], ['text/html', '<p>page</p>']);
  });

  it('names every wrong field of a body', async () => {
    const { error, details } = await refused(post('{"name":"","size":1.5,"colour":"red"}'), 400, 'invalid_request');
    assert.deepEqual(details, [
      { path: 'name', message: 'must have at least 1 characters' },
      { path: 'size', message: 'must be a whole number' },
      { path: 'colour', message: 'is not a known field' },
    ]);
    assert.equal(error, 'name must have at least 1 characters');
  });

  it('refuses a body that is missing, malformed or no UTF-8', async () => {
    for (const body of [
      null,
      '',
      '{"name":',
      '{"name":"x"}}',
      "{'name':'x'}",
      'NaN',
      new Uint8Array([0x22, 0xff, 0x22]),
    ])
      await refused(post(body), 400, 'invalid_request');
    for (const body of ['null', '[]', '"x"', '7'])
      assert.match((await refused(post(body), 400, 'invalid_request')).error, /^body must be an object/);
  });

  it('refuses what it could not keep as it was sent, and says where it is', async () => {
    for (const [more, path, message] of [
      ['[["\\ud800"]]', 'more.0.0', /lone surrogates/],
      ['{"\\udc00":1}', 'more.\ufffd', /lone surrogates/],
      ['{"big":1e400}', 'more.big', /double/],
      ['[{"__proto__":{}}]', 'more.0.__proto__', /name/],
      ['['.repeat(65) + ']'.repeat(65), `more${'.0'.repeat(63)}`, /64 levels/],
      ['['.repeat(100_000) + ']'.repeat(100_000), `more${'.0'.repeat(63)}`, /64 levels/],
    ] as const) {
      const { details } = await refused(post(`{"name":"x","more":${more}}`), 400, 'invalid_request');
      assert.equal(details?.[0]?.path, path);
      assert.match(details[0].message, message);
    }
    for (const more of ['"\\ud83d\\ude00"', '1e308', '['.repeat(63) + ']'.repeat(63)])
      assert.equal((await post(`{"name":"x","more":${more}}`)).status, 201);
  });

  it('refuses another type of content, and takes JSON with a charset', async () => {
    for (const type of ['text/plain', 'application/jsonp', 'application/x-www-form-urlencoded']) {
      await refused(post('{"name":"x"}', { 'content-type': type }), 415, 'unsupported_media_type');
    }
    await refused(send('POST', '/things', { body: new Uint8Array([0x7b]) }), 415, 'unsupported_media_type');
    assert.equal((await post('{"name":"x"}', { 'content-type': 'Application/JSON; charset=utf-8' })).status, 201);
  });

  it('refuses a body over the limit by its declared length, and by what really comes', async () => {
    await refused(
      post('{}', { 'content-type': 'application/json', 'content-length': String(BODY_LIMIT + 1) }),
      413,
      'payload_too_large',
    );
    let sent = 0;
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
      cancel: () => void (cancelled = true),
    });
    await refused(post(endless), 413, 'payload_too_large');
    assert.ok(sent < BODY_LIMIT + 200_000 && cancelled, `${sent} bytes were read`);
    assert.equal((await post(`{"name":"x"${' '.repeat(BODY_LIMIT - 12)}}`)).status, 201);
  });

  it('tells an unknown path from a method that is not allowed', async () => {
    await refused(send('GET', '/nothing'), 404, 'not_found');
    await refused(send('GET', '/things/1/2'), 404, 'not_found');
    await refused(send('GET', '/pageXhtml'), 404, 'not_found');
    const response = await send('PUT', '/things');
    assert.equal(response.headers.get('allow'), 'POST, GET');
    await refused(Promise.resolve(response), 405, 'method_not_allowed');
    assert.equal(await (await send('GET', '/file.js')).text(), 'file');
    await refused(send('POST', '/file.js'), 404, 'not_found');
  });

  it('refuses a wrong path parameter, an unknown query parameter, and one that is given twice', async () => {
    assert.equal((await refused(send('GET', '/things/7'), 400, 'invalid_request')).error, 'id must be a UUID');
    assert.deepEqual((await refused(send('GET', '/things?colour=red'), 400, 'invalid_request')).details, [
      { path: 'colour', message: 'is not a known field' },
    ]);
    assert.deepEqual((await refused(send('GET', '/things?q=1&q=2'), 400, 'invalid_request')).details, [
      { path: 'q', message: 'is given more than once' },
    ]);
    for (const path of ['/things/%', '/things/%00', '/things/%ff', '/things/..%2f', '/things?q=%ff&%=%'])
      assert.ok((await send('GET', path)).status < 500, path);
  });

  it('asks who is calling before it looks at anything else, and refuses a role that is too weak', async () => {
    await refused(post('nonsense', { 'x-api-key': 'wrong' }), 401, 'unauthenticated');
    role = 'viewer';
    try {
      const refusal = await refused(post('nonsense'), 403, 'forbidden');
      assert.equal(refusal.error, 'this requires the role member; you have viewer');
      assert.deepEqual(refusal.access, { required_role: 'member', role: 'viewer' });
      assert.equal((await send('GET', '/things')).status, 200);
    } finally {
      role = 'admin';
    }
    assert.equal(
      (await send('GET', '/page.html', { headers: { 'x-api-key': 'wrong' } })).status,
      200,
      'a public route asks nobody',
    );
  });

  it("has the caller's ids on every answer, errors and streams included, and makes them where they are hostile", async () => {
    const own = { 'x-request-id': 'order-7', 'x-trace-id': 'trace:7' };
    for (const path of ['/things', '/nothing', '/stream', '/page.html', '/file.js', '/things/7']) {
      const response = await send('GET', path, { headers: own });
      assert.deepEqual(
        [response.headers.get('x-request-id'), response.headers.get('x-trace-id')],
        ['order-7', 'trace:7'],
        path,
      );
      await response.body?.cancel();
    }
    for (const hostile of ['a b', '<script>', 'x'.repeat(129), 'é']) {
      const response = await send('GET', '/nothing', { headers: { 'x-request-id': hostile, 'x-trace-id': hostile } });
      assert.match(response.headers.get('x-request-id')!, /^[0-9a-f-]{36}$/);
      assert.match(response.headers.get('x-trace-id')!, /^[0-9a-f]{32}$/);
    }
  });

  it('keeps what went wrong inside to itself', async () => {
    const { error } = await refused(post('{"how":"?"}', undefined, '/break'), 500, 'internal');
    assert.equal(error, 'something went wrong inside; the log has it under this request id');
    assert.equal(
      (await refused(post('{"how":"database"}', undefined, '/break'), 503, 'unavailable')).error,
      'the database does not answer at the moment; try again',
    );
  });

  it('says when to try again, and which run goes on', async () => {
    const response = await post('{"how":"retry"}', undefined, '/break');
    assert.deepEqual([response.status, response.headers.get('retry-after')], [429, '2']);
    assert.equal((await post('{"how":"database"}', undefined, '/break')).headers.get('retry-after'), '1');
    assert.equal((await refused(post('{"how":"run"}', undefined, '/break'), 504, 'timeout')).run_id, 'run-7');
  });

  it('tells of failures on a route of another protocol in its shape, and gives answers and streams headers', async () => {
    const foreign = (how: string) => post(JSON.stringify({ how }), { 'content-type': 'application/json' }, '/foreign');
    const wrong = await foreign('wrong');
    assert.equal(wrong.status, 400);
    assert.deepEqual(await wrong.json(), { fault: '400: how must be one of run, headers, stream' });
    assert.ok(wrong.headers.get('x-request-id'));
    assert.equal(wrong.headers.get('x-should-retry'), null);
    const late = await foreign('run');
    assert.deepEqual(await late.json(), { fault: '504: too long' });
    assert.equal(late.headers.get('x-should-retry'), 'false');
    for (const how of ['headers', 'stream']) assert.equal((await foreign(how)).headers.get('x-thing'), 'seven');
  });

  it('answers HEAD like GET without a body, and begins no stream for it', async () => {
    const response = await send('HEAD', '/stream');
    assert.deepEqual(
      [response.status, response.body, response.headers.get('content-type')],
      [200, null, 'text/event-stream; charset=utf-8'],
    );
    assert.equal((await send('HEAD', '/things')).status, 200);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(streamsBegun, 0);
    assert.match(
      await (await send('GET', '/stream')).text(),
      /^: open\n\nid: 1\ndata: \{"name":"live"\}\n\ndata: \[DONE\]\n\n$/,
    );
  });

  it('gives up after ten seconds where nobody says who asks', async (context) => {
    const hanging = createApp({
      service: 'test',
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
      authenticate: () => new Promise(() => undefined),
    });
    hanging.mount(listThings, async () => ({ name: 'never' }));
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const asked = hanging.fetch(new Request('http://127.0.0.1/things'));
    await new Promise((resolve) => setImmediate(resolve));
    context.mock.timers.tick(10_000);
    const response = await asked;
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
    assert.match(ErrorBody.parse(await response.json()).error, /does not answer at the moment/);
  });
});
