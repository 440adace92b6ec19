// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { Agent } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { createApp, type App } from '@reeve/http';
import { silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { mountAgents } from './routes.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON an answer has
type Answer = { status: number; body: any };
const path = '/api/v1/agents/configs';

describe('the routes of agents', () => {
  let database: Database;
  let app: App;
  async function send(
    method: string,
    to: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await app.fetch(
      new Request(`http://x${path}${to}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...init,
      }),
    );
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }

  before(async () => {
    database = await openTestDatabase();
    app = createApp({
      service: 'test',
      authenticate: async (header) => ({
        tenantId: header('x-tenant-id') ?? 'default',
        userId: 'ada',
        role: header('x-role') === 'viewer' ? 'viewer' : 'admin',
        via: 'development',
      }),
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
    });
    mountAgents(app, database, async () => ({
      tools: ['calculator', 'recall'],
      skills: ['web'],
      model: (model) => model === 'mock',
    }));
  });
  after(() => database[Symbol.asyncDispose]());

  it('create, show, change, list versions of, restore and delete an agent', async () => {
    const made = await send('POST', '', { name: 'Scout', tools: ['recall'], model_id: 'mock' });
    assert.equal(made.status, 201);
    assert.deepEqual(Agent.parse(made.body), made.body);
    assert.deepEqual((await send('GET', '/SCOUT')).body, made.body);
    assert.equal((await send('PATCH', '/scout', { description: 'finds things' })).body.version, 2);
    const versions = await send('GET', '/scout/versions?limit=1');
    assert.deepEqual(
      [versions.body.versions[0].version, versions.body.versions[0].config.description, versions.body.total],
      [2, 'finds things', 2],
    );
    assert.equal((await send('POST', '/scout/versions/1/restore')).body.description, '');
    assert.equal((await send('POST', '/scout/versions/9/restore')).status, 404);
    assert.equal((await send('POST', '/scout/versions/99999999999/restore')).status, 404);
    assert.deepEqual(await send('DELETE', `/${made.body.id}`), { status: 204, body: null });
    for (const [method, to] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/versions'],
    ] as const)
      assert.equal((await send(method, `/${made.body.id}${to}`)).status, 404);
  });

  it('list the built-in assistant in a tenant that nobody used, for a viewer too', async () => {
    const { status, body } = await send('GET', '', undefined, { 'x-tenant-id': 'other', 'x-role': 'viewer' });
    assert.deepEqual(
      [status, body.configs.map((agent: { slug: string }) => agent.slug), body.total, body.limit, body.offset],
      [200, ['assistant'], 1, 50, 0],
    );
    assert.equal((await send('GET', '/assistant', undefined, { 'x-tenant-id': 'other' })).body.id, body.configs[0].id);
    assert.equal((await send('POST', '', { name: 'x' }, { 'x-role': 'viewer' })).status, 403);
  });

  it('replay the answer to a repeated key', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const first = await send('POST', '', { name: 'Once', slug: 'once' }, key);
    assert.deepEqual(await send('POST', '', { name: 'Once', slug: 'once' }, key), first);
    assert.equal((await send('POST', '', { name: 'Once', slug: 'once' })).status, 409);
  });

  it('refuse bad input by the field’s name and store nothing', async () => {
    const { body: kept } = await send('POST', '', { name: 'Kept', slug: 'kept' });
    const cases: [string, string, unknown, string][] = [
      ['POST', '', { name: 'x', tools: ['recall', 'hammer'] }, 'tools.1'],
      ['POST', '', { name: 'x', approvals: ['hammer'] }, 'approvals.0'],
      ['POST', '', { name: 'x', model_id: 'gpt-0' }, 'model_id'],
      ['POST', '', { name: 'x', slug: randomUUID() }, 'slug'],
      ['POST', '', { name: 'x', slug: 'a b' }, 'slug'],
      ['POST', '', { name: '' }, 'name'],
      ['POST', '', { name: 'x', metadata: { a: '\u0000' } }, 'metadata'],
      ['POST', '', { name: 'x', limits: { max_cost_usd: 'lots' } }, 'limits.max_cost_usd'],
      ['PATCH', '/kept', { tools: ['hammer'] }, 'tools.0'],
      ['PATCH', '/kept', { built_in: true }, 'built_in'],
      ['PATCH', '/kept', {}, 'body'],
      ['GET', '/a%20b', undefined, 'id'],
    ];
    for (const [method, to, body, field] of cases) {
      const answer = await send(method, to, body);
      assert.deepEqual(
        [answer.status, answer.body.code, answer.body.details[0].path],
        [400, 'invalid_request', field],
        JSON.stringify(body),
      );
    }
    assert.deepEqual((await send('GET', '/kept')).body, kept);
    assert.equal((await send('GET', '?q=x')).body.total, 0);
  });

  it('refuse changes to the built-in assistant', async () => {
    for (const answer of [await send('PATCH', '/assistant', { name: 'Mine' }), await send('DELETE', '/assistant')]) {
      assert.deepEqual([answer.status, answer.body.code], [403, 'forbidden']);
    }
  });

  it('answer 404 for what is another tenant’s', async () => {
    const { body } = await send('POST', '', { name: 'Hidden' });
    const other = { 'x-tenant-id': 'other' };
    for (const [method, to, sent] of [
      ['GET', ''],
      ['GET', '/versions'],
      ['PATCH', '', { name: 'x' }],
      ['DELETE', ''],
      ['POST', '/versions/1/restore'],
    ] as const) {
      assert.equal((await send(method, `/${body.id}${to}`, sent, other)).status, 404, `${method} ${to}`);
    }
    assert.equal((await send('GET', '?q=hidden', undefined, other)).body.total, 0);
  });
});
