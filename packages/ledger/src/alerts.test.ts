// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Database } from '@reeve/db';
import { newId } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { ensureTenant } from '@reeve/identity';
import { changeBudget } from './budget-change.ts';
import { beginCall, HOLD_MS, settleCall } from './call.ts';
import { ATTEMPT, ended, OWNER, setBudget } from '../test/metering.ts';
import { upsertMonths } from './store/monthly-budget.ts';

describe('a budget', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  const callOf = async (
    tenantId: string,
    tokens: number,
    attempt = { ...ATTEMPT, inputTokens: 10, maxOutputTokens: 0 },
  ) => {
    const id = await beginCall(database.db, { ...OWNER, tenantId }, attempt, HOLD_MS);
    await settleCall(database.db, tenantId, id, ended(tokens, 0));
  };
  const alertsOf = async (tenantId: string) =>
    (
      await database.db
        .selectFrom('journal')
        .select(['details', 'summary'])
        .where('tenant_id', '=', tenantId)
        .where('type', '=', 'budget_alert')
        .orderBy('xid')
        .orderBy('position')
        .execute()
    ).map(({ details, summary }) => [(details as { percent: number }).percent, summary]);

  it('tells the journal once when 80 % are used, and once when nothing is left, until its limit changes', async () => {
    await ensureTenant(database.db, 'alerted');
    await setBudget(database, { tenantId: 'alerted', tokens: 1_000 });
    await callOf('alerted', 799);
    assert.deepEqual(await alertsOf('alerted'), []);
    await callOf('alerted', 1);
    await callOf('alerted', 1);
    assert.deepEqual(await alertsOf('alerted'), [[80, '80 % are used of the budget of the tenant']]);
    await callOf('alerted', 300);
    await assert.rejects(callOf('alerted', 1), { reason: 'budget_exhausted' });
    assert.deepEqual((await alertsOf('alerted')).slice(1), [
      [100, 'no call fits any more into the budget of the tenant'],
    ]);
    const requester = { tenantId: 'alerted', userId: 'ada', traceId: 't' };
    await changeBudget(database, requester, async () => ({ tenantId: 'alerted', scope: 'tenant', ref: '' }), {
      limitTokens: 1_200,
    });
    await callOf('alerted', 1);
    assert.deepEqual(
      (await alertsOf('alerted')).map(([percent]) => percent),
      [80, 100, 80],
    );
  });

  it('counts as used up once a call is refused though none is under way', async () => {
    await ensureTenant(database.db, 'short');
    await setBudget(database, { tenantId: 'short', tokens: 1_000 });
    await callOf('short', 500);
    const huge = { ...ATTEMPT, inputTokens: 600, maxOutputTokens: 0 };
    await assert.rejects(callOf('short', 1, huge), { reason: 'budget_exhausted' });
    assert.deepEqual(await alertsOf('short'), [], 'a smaller one would fit');
    await callOf('short', 350);
    const large = { ...ATTEMPT, inputTokens: 600, maxOutputTokens: 0 };
    for (const _ of [1, 2]) await assert.rejects(callOf('short', 1, large), { reason: 'budget_exhausted' });
    assert.deepEqual(
      (await alertsOf('short')).map(([percent]) => percent),
      [80, 100],
    );
  });

  it('of a month counts the calls of its persona, and of none, in that month', async () => {
    await ensureTenant(database.db, 'monthly');
    await upsertMonths(database.db, 'monthly', 'default', { limitTokens: 100, limitNano: null, updatedBy: 'policy' });
    const none = { ...OWNER, tenantId: 'monthly' };
    const small = { ...ATTEMPT, inputTokens: 10, maxOutputTokens: 0 };
    const id = await beginCall(database.db, none, small, HOLD_MS);
    await settleCall(database.db, 'monthly', id, ended(95, 0));
    await assert.rejects(
      beginCall(database.db, none, small, HOLD_MS),
      /persona default in \d{4}-\d\d has 5 of 100 tokens left/,
    );
    // Another persona has a month of its own.
    await beginCall(database.db, { ...none, personaId: newId() }, small, HOLD_MS);
    // A call that ends in another month than it began in is counted where it was held.
    await database.db
      .updateTable('model_calls')
      .set({ created_at: new Date('2020-01-31T23:59:00Z') })
      .where('id', '=', id)
      .execute();
    const months = await database.db
      .selectFrom('budgets')
      .select(['ref', 'spent_tokens'])
      .where('tenant_id', '=', 'monthly')
      .execute();
    assert.deepEqual(
      months.filter(({ spent_tokens }) => spent_tokens > 0).map(({ spent_tokens }) => spent_tokens),
      [95],
    );
  });
});
