import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { createOutgoing, type Outgoing } from '@reeve/http';
import { isUuidShaped, ReeveError } from '@reeve/kit';
import { startExternalMemory, type TestExternalMemory } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createExternalMemory, type ExternalMemoryInput } from './client.ts';
import { coordinateFrom, coordinateText, readForgotten, readFound, readRemembered } from './protocol.ts';

const ID = '0190a6a0-0000-7000-8000-000000000001';
const { signal } = new AbortController();
const tea: ExternalMemoryInput = {
  id: ID,
  text: 'Ada likes tea',
  tags: ['tea'],
  persona_id: null,
  superseded_by: null,
  created_at: '2026-03-01T12:00:00.000Z',
  ttlS: null,
};

describe('the client of an external memory', () => {
  let there: TestExternalMemory;
  let outgoing: Outgoing;
  before(async () => {
    there = await startExternalMemory();
    outgoing = createOutgoing({ allowPrivate: true });
  });
  afterEach(() => {
    there.requests.length = 0;
    there.tenants.clear();
    Object.assign(there, { fault: undefined, more: [], isOld: false });
  });
  after(async () => {
    await outgoing[Symbol.asyncDispose]();
    await there[Symbol.asyncDispose]();
  });
  const client = (options: Partial<Parameters<typeof createExternalMemory>[0]> = {}) =>
    createExternalMemory({ baseUrl: there.url, outgoing, ...options });
  const rejects = (work: Promise<unknown>, reason: string) =>
    assert.rejects(work, (error) => error instanceof ReeveError && error.reason === reason);

  it('sends what the documentation says, as who it is', async () => {
    const memory = client({ baseUrl: `${there.url}/`, apiKey: 'secret', tenantPrefix: 'acme' });
    const place = await memory.remember('default', { ...tea, ttlS: 60 }, signal);
    await memory.recall('default', 'tea', 7);
    await memory.forget('default', place, signal);
    await memory.check();
    assert.deepEqual(
      there.requests.map(({ method, path, body }) => [method, path, body]),
      [
        [
          'POST',
          '/memory/remember',
          {
            tenant: 'acme.default',
            namespace: 'reeve',
            key: ID,
            value: {
              id: ID,
              text: 'Ada likes tea',
              persona_id: null,
              superseded_by: null,
              created_at: '2026-03-01T12:00:00.000Z',
            },
            tags: ['tea'],
            ttl_seconds: 60,
          },
        ],
        ['POST', '/memory/recall', { tenant: 'acme.default', namespace: 'reeve', query: 'tea', top_k: 7 }],
        ['POST', '/memory/forget', { tenant: 'acme.default', coord: place }],
        ['GET', '/health', {}],
      ],
    );
    assert.ok(there.requests.every(({ headers }) => headers['authorization'] === 'Bearer secret'));
    const [first] = there.requests;
    assert.deepEqual([first!.headers['x-tenant-id'], first!.headers['x-namespace']], ['acme.default', 'reeve']);
    assert.equal(there.tenants.get('acme.default')?.size, 0);
  });

  it('keeps tenants apart, and installations by their prefix', async () => {
    for (const [prefix, tenant] of [
      ['a', 'one'],
      ['a', 'two'],
      ['b', 'one'],
    ] as const)
      await client({ tenantPrefix: prefix }).remember(tenant, tea, signal);
    assert.deepEqual([...there.tenants.keys()], ['a.one', 'a.two', 'b.one']);
    assert.notEqual(client({ tenantPrefix: 'a' }).target, client({ tenantPrefix: 'b' }).target);
    assert.equal(client({ apiKey: 'x' }).target, client({ apiKey: 'y' }).target);
  });

  it('deletes by the older route where there is no newer one', async () => {
    there.isOld = true;
    const place = await client().remember('default', tea, signal);
    await client().forget('default', place, signal);
    assert.deepEqual(
      there.requests.slice(1).map(({ path }) => path),
      ['/memory/forget', '/delete'],
    );
    assert.equal(there.tenants.get('reeve.default')?.size, 0);
    await client().forget('default', place, signal);
    there.fault = ({ path }) => (path === '/memory/remember' ? undefined : { status: 404 });
    await rejects(client().forget('default', place, signal), 'upstream_error');
  });

  it('does not follow to another host, with what it would take along', async () => {
    await using other = await startExternalMemory();
    there.fault = () => ({ status: 307, headers: { location: `${other.url}/memory/recall` } });
    await rejects(client({ apiKey: 'secret' }).recall('default', 'tea', 5), 'upstream_error');
    await rejects(client({ apiKey: 'secret' }).remember('default', tea, signal), 'upstream_error');
    assert.deepEqual(other.requests, []);
  });

  it('waits a moment for a search, and says why there is no answer', async () => {
    there.fault = () => 'silent';
    const began = performance.now();
    await rejects(client().recall('default', 'tea', 5), 'timeout');
    assert.ok(performance.now() - began < 3_000);
    await rejects(client().recall('default', 'tea', 5, AbortSignal.abort()), 'cancelled');
    for (const [status, reason] of [
      [500, 'upstream_error'],
      [503, 'upstream_error'],
      [401, 'provider_key_refused'],
      [403, 'provider_key_refused'],
      [429, 'rate_limited'],
      [422, 'invalid_request'],
    ] as const) {
      there.fault = () => ({ status });
      await rejects(client().recall('default', 'tea', 5), reason);
    }
    for (const answer of ['', 'no JSON', '[]', '{"results": 7}', '{"results": [], "degraded": true}']) {
      there.fault = () => ({ answer });
      await rejects(client().recall('default', 'tea', 5), 'malformed_answer');
    }
    there.fault = () => ({ answer: `{"results": ["${'x'.repeat(9 * 1024 * 1024)}"]}` });
    await rejects(client().recall('default', 'tea', 5), 'upstream_error');
    await rejects(createExternalMemory({ baseUrl: 'http://127.0.0.1:1', outgoing }).check(), 'upstream_error');
  });

  it('takes no word for stored that does not say where', async () => {
    for (const answer of ['{"ok": true}', '{"ok": false, "coordinate": [1, 2, 3]}', '{"coordinate": [1, 2]}', '[]']) {
      there.fault = () => ({ answer });
      await rejects(client().remember('default', tea, signal), 'malformed_answer');
    }
    there.fault = () => ({ answer: '{"ok": false, "error": "the store is read-only"}' });
    await rejects(client().forget('default', [1, 2, 3], signal), 'malformed_answer');
  });

  it('reads hits as newer and older ones write them, each memory once by its best score', () => {
    const [second, third] = [ID.replace(/1$/, '2'), ID.replace(/1$/, '3')];
    const results = [
      { score: 0.2, payload: { key: ID }, coordinate: [1, 2, 3] },
      { score: 0.9, content: { key: second.toUpperCase(), text: 'x' }, coord: '1,2,3' },
      { score: 0.4, content: 'no object', payload: { id: third } },
      { score: 0.5, payload: { key: ID } },
      { score: null, payload: { key: third } },
      { payload: { key: third } },
      { score: 1, payload: { key: 'of another program' } },
    ];
    assert.deepEqual(readFound({ results }), [
      { id: second, score: 0.9 },
      { id: ID, score: 0.5 },
      { id: third, score: 0.4 },
    ]);
    assert.deepEqual(readRemembered({ ok: true, coord: '0.5, -1,2e-3' }), [0.5, -1, 0.002]);
  });

  it('reads any answer, or says that it is none', () => {
    const item = fc.oneof(
      fc.record({ score: fc.oneof(fc.double(), fc.constant(null)), payload: fc.record({ key: fc.uuid() }) }),
      fc.record({ score: fc.double(), content: fc.record({ id: fc.uuid() }) }),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.oneof(fc.record({ results: fc.array(item) }), fc.jsonValue()), (answer) => {
        try {
          const hits = readFound(answer);
          assert.ok(hits.every(({ id, score }) => isUuidShaped(id) && Number.isFinite(score)));
          assert.equal(new Set(hits.map(({ id }) => id)).size, hits.length);
          assert.ok(hits.every(({ score }, at) => at === 0 || hits[at - 1]!.score >= score));
        } catch (error) {
          assert.equal(ReeveError.from(error).reason, 'malformed_answer');
        }
        for (const read of [readRemembered, readForgotten])
          try {
            read(answer);
          } catch (error) {
            assert.equal(ReeveError.from(error).reason, 'malformed_answer');
          }
      }),
      cases(),
    );
  });

  it('keeps a coordinate to the last digit', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0);
    fc.assert(
      fc.property(fc.tuple(number, number, number), (coordinate) => {
        assert.deepEqual(coordinateFrom(coordinateText(coordinate)), coordinate);
      }),
      cases(),
    );
    for (const text of ['', '1,2', '1,2,x', '1,,3', '1,2,3,4', '1,2,Infinity'])
      assert.equal(coordinateFrom(text), undefined, text);
  });
});
