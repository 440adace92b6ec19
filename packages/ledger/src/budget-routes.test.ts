// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Budget } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { insertBareTask, openTestDatabase } from '@reeve/testing';
import { beginCall, HOLD_MS, settleCall } from './call.ts';
import { ATTEMPT, ended, openUsage, OWNER } from '../test/metering.ts';

const PERSONA = '0190a6a0-0000-7000-8000-00000000000a';

describe('the routes of budgets', () => {
  let database: Database;
  let send: ReturnType<typeof openUsage>;
  let raised: string[];
  const put = (body: unknown, headers = {}) => send('PUT', '/budgets', body, headers);

  before(async () => {
    database = await openTestDatabase();
    send = openUsage(database, (of) => raised.push(of));
  });
  beforeEach(async () => {
    raised = [];
    for (const table of ['model_calls', 'budgets', 'audit'] as const) await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  it('are set, shown with what is spent, reserved and left, changed and taken away', async () => {
    const price = { inputNano: 1_000, cachedInputNano: 100, outputNano: 4_000 };
    const attempt = { ...ATTEMPT, inputTokens: 10, maxOutputTokens: 10, price };
    const begin = () => beginCall(database.db, { ...OWNER, agentId: 'scout' }, attempt, HOLD_MS);
    const set = await put({ scope: 'agent', ref: 'Scout', limit_tokens: 1_000, limit_usd: '0.50' });
    assert.equal(set.status, 200);
    assert.deepEqual(Budget.parse(set.body), set.body);
    await settleCall(database.db, 'default', await begin(), ended(10, 5));
    await begin();
    const { body: listed } = await send('GET', '/budgets');
    const { updated_at, ...budget } = listed.budgets[0];
    assert.ok(updated_at);
    assert.deepEqual(
      [budget, listed.total],
      [
        {
          scope: 'agent',
          ref: 'scout',
          limit_tokens: 1_000,
          spent_tokens: 15,
          reserved_tokens: 20,
          left_tokens: 965,
          limit_usd: '0.5',
          spent_usd: '0.00003',
          reserved_usd: '0.00005',
          left_usd: '0.49992',
          updated_by: 'ada',
        },
        1,
      ],
    );
    const changed = await put({ scope: 'agent', ref: 'scout', limit_tokens: null });
    assert.deepEqual(
      [changed.body.limit_tokens, changed.body.left_tokens, changed.body.limit_usd],
      [null, null, '0.5'],
    );
    const cleared = await put({ scope: 'agent', ref: 'scout', limit_usd: null });
    assert.deepEqual([cleared.status, cleared.body.limit_usd, cleared.body.spent_usd], [200, null, '0.00003']);
    assert.deepEqual((await send('GET', '/budgets')).body.budgets, []);
    const again = await put({ scope: 'agent', ref: 'scout', limit_usd: null });
    assert.deepEqual([again.status, again.body.error], [404, 'there is no budget of the agent scout']);
  });

  it('have an audit row for each change, in its transaction', async () => {
    await put({ scope: 'tenant', limit_usd: '25' });
    await put({ scope: 'persona', ref: PERSONA, limit_tokens: null });
    const rows = await database.db.selectFrom('audit').select(['action', 'actor', 'details']).execute();
    assert.deepEqual(rows, [
      {
        action: 'BUDGET_CHANGED',
        actor: 'ada',
        details: { scope: 'tenant', ref: '', limit_tokens: null, limit_usd: '25' },
      },
    ]);
  });

  it('let waiting runs go on where a change may leave more room, and not where it leaves less', async () => {
    await put({ scope: 'tenant', limit_tokens: 10, limit_usd: '1' });
    assert.deepEqual(raised, []);
    await put({ scope: 'tenant', limit_tokens: 5 });
    assert.deepEqual(raised, []);
    await put({ scope: 'tenant', limit_tokens: 20, limit_usd: '0.1' });
    await put({ scope: 'tenant', limit_usd: null });
    await put({ scope: 'tenant', limit_tokens: 20 });
    assert.deepEqual(raised, ['default tenant ', 'default tenant ', 'default tenant ']);
  });

  it('of a run are those of the root of its tree', async () => {
    const [root, child] = [randomUUID(), randomUUID()];
    for (const [id, root_run_id] of [
      [root, null],
      [child, root],
    ] as const)
      await insertRun(database, id, root_run_id);
    const { body } = await put({ scope: 'run', ref: child.toUpperCase(), limit_usd: '1' });
    assert.equal(body.ref, root);
    const unknown = await put({ scope: 'run', ref: randomUUID(), limit_usd: '1' });
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'not_found']);
    const other = await put({ scope: 'run', ref: root, limit_usd: '1' }, { 'x-tenant-id': 'other' });
    assert.equal(other.status, 404);
  });

  it('come in pages, the widest first, and by scope; only an operator sets them', async () => {
    await put({ scope: 'agent', ref: 'scout', limit_tokens: 1 });
    await put({ scope: 'agent', ref: 'bob', limit_tokens: 1 });
    await put({ scope: 'persona', ref: PERSONA, limit_tokens: 1 });
    await put({ scope: 'tenant', limit_tokens: 1 });
    const page = async (query: string) => {
      const { body } = await send('GET', `/budgets?${query}`, undefined, { 'x-role': 'viewer' });
      return [body.budgets.map(({ scope, ref }: Budget) => `${scope} ${ref}`), body.total];
    };
    assert.deepEqual(await page('limit=3'), [['tenant ', `persona ${PERSONA}`, 'agent bob'], 4]);
    assert.deepEqual(await page('limit=3&offset=3'), [['agent scout'], 4]);
    assert.deepEqual(await page('scope=agent&offset=1'), [['agent scout'], 2]);
    assert.equal((await put({ scope: 'tenant', limit_tokens: 2 }, { 'x-role': 'viewer' })).status, 403);
    assert.equal((await send('GET', '/budgets', undefined, { 'x-tenant-id': 'other' })).body.total, 0);
  });

  it('refuse bad input by the field’s name and store nothing', async () => {
    const cases: [unknown, string, RegExp][] = [
      [{ scope: 'world', limit_tokens: 1 }, 'scope', /tenant, persona, agent, run/],
      [{ scope: 'tenant' }, 'body', /limit_tokens, limit_usd or both/],
      [{ scope: 'tenant', ref: 'scout', limit_tokens: 1 }, 'ref', /must be left out/],
      [{ scope: 'agent', limit_tokens: 1 }, 'ref', /must name the agent/],
      [{ scope: 'agent', ref: 'a b', limit_tokens: 1 }, 'ref', /agent id or slug/],
      [{ scope: 'agent', ref: 'nobody', limit_tokens: 1 }, 'ref', /not an agent/],
      [{ scope: 'persona', ref: 'ada', limit_tokens: 1 }, 'ref', /UUID/],
      [{ scope: 'run', ref: '7', limit_tokens: 1 }, 'ref', /UUID/],
      [{ scope: 'tenant', limit_tokens: -1 }, 'limit_tokens', /at least 0/],
      [{ scope: 'tenant', limit_tokens: 1.5 }, 'limit_tokens', /whole number/],
      [{ scope: 'tenant', limit_usd: 5 }, 'limit_usd', /string/],
      [{ scope: 'tenant', limit_usd: '-5' }, 'limit_usd', /decimal number of USD/],
      [{ scope: 'tenant', limit_usd: '1e3' }, 'limit_usd', /decimal number of USD/],
      [{ scope: 'tenant', limit_usd: '9000001' }, 'limit_usd', /at most 9000000/],
      [{ scope: 'tenant', limit: 1 }, 'limit', /not a known field/],
    ];
    for (const [body, path, message] of cases) {
      const answer = await put(body);
      const detail = answer.body.details?.find((each: { path: string }) => each.path === path);
      assert.deepEqual([answer.status, detail?.path], [400, path], JSON.stringify([body, answer.body]));
      assert.match(detail.message, message);
    }
    assert.equal((await send('GET', '/budgets')).body.total, 0);
  });
});

/** A run of the tenant `default`, with all that it must have. */
async function insertRun(database: Database, id: string, root_run_id: string | null): Promise<void> {
  const { db } = database;
  const [session_id, agent_id, created_at] = [randomUUID(), randomUUID(), new Date()];
  const ours = { tenant_id: 'default', created_at };
  const task_id = await insertBareTask(database);
  const agent = { ...ours, id: agent_id, slug: agent_id, name: 'x', version: 1, updated_at: created_at };
  await db.insertInto('agents').values(agent).execute();
  await db
    .insertInto('agent_versions')
    .values({ ...ours, agent_id, version: 1, config: '{}' })
    .execute();
  await db
    .insertInto('sessions')
    .values({ ...ours, id: session_id, title: '', updated_at: created_at })
    .execute();
  const run = { id, task_id, agent_id, agent_version: 1, session_id, door: 'chat', root_run_id, status: 'queued' };
  await db
    .insertInto('runs')
    .values({ ...ours, ...run, input: '', context: '{}', trace_id: '' })
    .execute();
}
