// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ModelCall, routes, type UsageGroup } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { beginCall, HOLD_MS, settleCall } from './call.ts';
import { ATTEMPT, ended, openUsage, OWNER } from '../test/metering.ts';
import type { CallAttempt, CallEnd, CallOwner } from './metering.ts';

const PERSONA = '0190a6a0-0000-7000-8000-00000000000a';
const PRICE = { inputNano: 1_000, cachedInputNano: 100, outputNano: 4_000 };

interface Made {
  readonly owner?: Partial<CallOwner>;
  readonly attempt?: Partial<CallAttempt>;
  /** Left out: the call stays open. */
  readonly end?: Partial<CallEnd>;
  readonly at?: string;
}
const FAST = { firstTokenMs: 10, latencyMs: 100 };

describe('the routes of usage', () => {
  let database: Database;
  let send: ReturnType<typeof openUsage>;
  const usage = async (query: string) => (await send('GET', `/usage?${query}`)).body;

  async function make({ owner = {}, attempt = {}, end, at }: Made): Promise<string> {
    const id = await beginCall(
      database.db,
      { ...OWNER, agentId: 'scout', ...owner },
      { ...ATTEMPT, inputTokens: 10, maxOutputTokens: 10, price: PRICE, ...attempt },
      HOLD_MS,
    );
    if (end !== undefined)
      await settleCall(database.db, owner.tenantId ?? 'default', id, { ...ended(10, 5, FAST), ...end });
    if (at !== undefined)
      await database.db
        .updateTable('model_calls')
        .set({ created_at: new Date(at) })
        .where('id', '=', id)
        .execute();
    return id;
  }

  before(async () => {
    database = await openTestDatabase();
    send = openUsage(database);
  });
  beforeEach(async () => void (await database.db.deleteFrom('model_calls').execute()));
  after(() => database[Symbol.asyncDispose]());

  describe('usage', () => {
    const ok = { usage: { input: 100, output: 50, cached: 40, reasoning: 20 } };

    it('is summed up, with what is not known said and not counted as nothing', async () => {
      await make({ end: { ...ok, latencyMs: 100, firstTokenMs: 10 } });
      await make({ end: { ...ok, outcome: 'timeout', estimated: true, latencyMs: 300, firstTokenMs: null } });
      await make({ end: { ...ok, outcome: 'abandoned', latencyMs: 200, firstTokenMs: 30 } });
      await make({ end: ok, attempt: { price: null } });
      await make({});
      await make({ end: ok, owner: { tenantId: 'other' } });
      const answer = await usage('');
      assert.deepEqual(routes.getUsage.responses[200].parse(answer), answer);
      assert.deepEqual(answer.totals, {
        calls: 5,
        open_calls: 1,
        errors: 1,
        estimated_calls: 1,
        input_tokens: 400,
        output_tokens: 200,
        total_tokens: 600,
        cached_tokens: 160,
        reasoning_tokens: 80,
        cost_usd: '0.000792',
        unpriced_calls: 1,
        latency_ms: { p50: 100, p95: 300 },
        first_token_ms: { p50: 10, p95: 30 },
      });
      assert.deepEqual([answer.group_by, answer.groups, answer.total], ['none', [], 0]);
    });

    it('is nothing where nothing was called, and of unknown cost where no price is known', async () => {
      const { totals } = await usage('');
      assert.deepEqual([totals.calls, totals.total_tokens, totals.cost_usd, totals.latency_ms.p50], [0, 0, '0', null]);
      await make({ end: ok, attempt: { price: null } });
      assert.equal((await usage('')).totals.cost_usd, null);
    });

    it('comes in groups, the dearest first, in pages', async () => {
      await make({ end: {} });
      await make({ end: ok, owner: { agentId: 'bob', personaId: PERSONA, userId: 'eve' } });
      await make({ end: {}, owner: { agentId: null }, attempt: { price: null, provider: 'local', model: 'small' } });
      const groups = async (query: string) => {
        const { groups: found, total } = await usage(query);
        return [found.map(({ key, calls, cost_usd }: UsageGroup) => [key, calls, cost_usd]), total];
      };
      const bob = ['bob', 1, '0.000264'];
      assert.deepEqual(await groups('group_by=agent'), [[bob, ['scout', 1, '0.00003'], [null, 1, null]], 3]);
      assert.deepEqual(await groups('group_by=agent&limit=1'), [[bob], 3]);
      assert.deepEqual(await groups('group_by=agent&limit=1&offset=2'), [[[null, 1, null]], 3]);
      assert.deepEqual(await groups('group_by=agent&offset=9'), [[], 3]);
      assert.deepEqual(await groups('group_by=persona'), [
        [
          [PERSONA, 1, '0.000264'],
          [null, 2, '0.00003'],
        ],
        2,
      ]);
      assert.deepEqual(await groups('group_by=model'), [
        [
          ['large', 2, '0.000294'],
          ['small', 1, null],
        ],
        2,
      ]);
      assert.deepEqual(await groups('group_by=provider'), [
        [
          ['acme', 2, '0.000294'],
          ['local', 1, null],
        ],
        2,
      ]);
      assert.deepEqual(await groups('group_by=user'), [
        [
          ['eve', 1, '0.000264'],
          ['ada', 2, '0.00003'],
        ],
        2,
      ]);
    });

    it('counts calls from the beginning of a range to before its end, by days in UTC', async () => {
      for (const at of [
        '2026-03-01T00:00:00Z',
        '2026-03-01T23:59:59.999Z',
        '2026-03-02T01:00:00+02:00',
        '2026-03-02T12:00:00Z',
        '2026-03-03T00:00:00Z',
      ])
        await make({ end: {}, at });
      const days = (answer: { groups: UsageGroup[] }) => answer.groups.map(({ key, calls }) => [key, calls]);
      const two = await usage('group_by=day&from=2026-03-01&to=2026-03-03');
      assert.deepEqual(days(two), [
        ['2026-03-01', 3],
        ['2026-03-02', 1],
      ]);
      assert.deepEqual(
        [two.from, two.to, two.totals.calls],
        ['2026-03-01T00:00:00.000Z', '2026-03-03T00:00:00.000Z', 4],
      );
      const late = await usage('group_by=day&from=2026-03-03T01:00:00%2B01:00&to=2026-03-04');
      assert.deepEqual(days(late), [['2026-03-03', 1]]);
      assert.equal((await usage('to=2026-03-31')).totals.calls, 5);
      assert.equal((await usage('to=2026-04-01')).totals.calls, 2);
      assert.equal((await usage('')).totals.calls, 0);
    });

    it('refuses bad dates and groups by the field’s name', async () => {
      const cases: [string, string, RegExp][] = [
        ['from=yesterday', 'from', /2026-11-21T08:00:00Z, or a day/],
        ['to=2026-02-30', 'to', /or a day/],
        ['to=0000-01-01', 'to', /or a day/],
        ['from=2026-03-02&to=2026-03-02', 'from', /before to/],
        ['from=9000-01-01', 'from', /before now/],
        ['group_by=moon', 'group_by', /agent, persona, model/],
        ['limit=0', 'limit', /at least 1/],
        ['since=2026-03-02', 'since', /not a known field/],
      ];
      for (const [query, path, message] of cases) {
        const { status, body } = await send('GET', `/usage?${query}`);
        assert.deepEqual([status, body.details?.[0].path], [400, path], query);
        assert.match(body.details[0].message, message);
      }
    });
  });

  describe('the ledger', () => {
    it('lists calls newest first, in pages, by run, agent, model and outcome', async () => {
      const runId = randomUUID();
      const first = await make({ end: { outcome: 'timeout' }, at: '2026-03-01T00:00:00Z' });
      const second = await make({ owner: { runId, rootRunId: runId, step: 2 }, at: '2026-03-02T00:00:00Z' });
      const third = await make({
        end: {},
        owner: { agentId: 'bob' },
        attempt: { model: 'small', price: null },
        at: '2026-03-03T00:00:00Z',
      });
      await make({ end: {}, owner: { tenantId: 'other' } });
      const page = async (query: string) => {
        const { body } = await send('GET', `/usage/calls?${query}`, undefined, { 'x-role': 'viewer' });
        for (const call of body.calls) assert.deepEqual(ModelCall.parse(call), call);
        return [body.calls.map(({ id }: ModelCall) => id), body.total];
      };
      assert.deepEqual(await page(''), [[third, second, first], 3]);
      assert.deepEqual(await page('limit=1&offset=1'), [[second], 3]);
      assert.deepEqual(await page(`run_id=${runId}`), [[second], 1]);
      assert.deepEqual(await page('agent_id=BOB'), [[third], 1]);
      assert.deepEqual(await page('model=large'), [[second, first], 2]);
      assert.deepEqual(await page('outcome=timeout'), [[first], 1]);
      const { body } = await send('GET', '/usage/calls');
      const shown = body.calls.map((call: ModelCall) => [
        call.status,
        call.reserved_usd,
        call.cost_usd,
        call.input_tokens,
      ]);
      assert.deepEqual(shown, [
        ['settled', null, null, 10],
        ['open', '0.00005', null, null],
        ['settled', '0.00005', '0.00003', 10],
      ]);
      assert.equal((await send('GET', '/usage/calls?run_id=7')).body.details[0].path, 'run_id');
    });
  });
});
