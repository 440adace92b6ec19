// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { TenantSettings } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { composePolicy, type Policies } from '@reeve/limits';
import type { StoredBudget } from './budget.ts';
import { beginCall, HOLD_MS, settleCall } from './call.ts';
import { ATTEMPT, ended, OWNER } from '../test/metering.ts';
import { bindingBudgets, createMonthlyBudgets, monthlyLimitsOf } from './monthly-budgets.ts';

const PERSONA = '0190a6a0-0000-7000-8000-00000000000a';

describe('budgets of the month', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of ['model_calls', 'budgets'] as const) await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  const rows = () =>
    database.db
      .selectFrom('budgets')
      .select(['ref', 'limit_tokens', 'limit_nano', 'spent_tokens', 'spent_nano', 'updated_by'])
      .where('scope', '=', 'month')
      .orderBy('ref')
      .execute();
  const month = () => new Date().toISOString().slice(0, 7);

  it('are those of the persona by its id or name, else of all others, and say which value of which origin they are', () => {
    const policy = composePolicy('acme', [
      { origin: 'file:default', settings: { budgets: { default: 10, qa: 20 }, budgets_usd: { default: '1.50' } } },
      { origin: 'override', settings: { budgets: { [PERSONA]: 30, free: 0 } } },
    ]);
    const usd = { limit: 1_500_000_000, path: 'budgets_usd.default', origin: 'file:default' };
    const of = (id: string, name?: string) => monthlyLimitsOf(policy, { id, ...(name !== undefined && { name }) });
    const tokens = (limit: number, path: string, origin: string) => ({ limit, path: `budgets.${path}`, origin });
    assert.deepEqual(of(PERSONA, 'qa'), { tokens: tokens(30, PERSONA, 'override'), nano: usd });
    assert.deepEqual(of('x', 'qa'), { tokens: tokens(20, 'qa', 'file:default'), nano: usd });
    assert.deepEqual(of('x', 'free'), { tokens: null, nano: usd });
    assert.deepEqual(of('x', 'constructor'), { tokens: tokens(10, 'default', 'file:default'), nano: usd });
    assert.deepEqual(monthlyLimitsOf(policy, null).tokens, tokens(10, 'default', 'file:default'));
    assert.deepEqual(monthlyLimitsOf(composePolicy('acme', []), null), { tokens: null, nano: null });
  });

  it('are made with what the month has used, follow the policy, and are asked for no more than that', async () => {
    for (const personaId of [null, PERSONA]) {
      const owner = { ...OWNER, personaId };
      await settleCall(database.db, 'default', await beginCall(database.db, owner, ATTEMPT, HOLD_MS), ended(100, 20));
    }
    const settings: { -readonly [Field in keyof TenantSettings]: TenantSettings[Field] } = {
      budgets: { default: 1_000 },
    };
    const budgets = createMonthlyBudgets(database, samePolicies(settings));
    await Promise.all([budgets.ensure('default', null), budgets.ensure('default', null)]);
    const used = { spent_tokens: 120, spent_nano: 18_000 };
    const [first] = await rows();
    assert.deepEqual(first, {
      ref: `default:${month()}`,
      limit_tokens: 1_000,
      limit_nano: null,
      ...used,
      updated_by: 'policy:file',
    });
    settings.budgets = { default: 500 };
    settings.budgets_usd = { default: '2' };
    await budgets.ensure('default', null);
    await budgets.ensure('default', PERSONA);
    assert.deepEqual(
      (await rows())
        .filter(({ ref }) => ref.endsWith(month()))
        .map(({ ref, limit_tokens, limit_nano, spent_tokens }) => [ref, limit_tokens, limit_nano, spent_tokens]),
      [
        [`${PERSONA}:${month()}`, 500, 2_000_000_000, 120],
        [`default:${month()}`, 500, 2_000_000_000, 120],
      ],
    );
    settings.budgets = settings.budgets_usd = {};
    await budgets.ensure('default', null);
    const [, loosened] = (await rows()).filter(({ ref }) => ref.endsWith(month()));
    assert.deepEqual([loosened!.limit_tokens, loosened!.limit_nano, loosened!.spent_tokens], [null, null, 120]);
    const before = await rows();
    await budgets.ensure('other', null);
    assert.deepEqual(await rows(), before, 'nothing is made where nothing is limited');
  });

  it('fail where the database does, so that no call goes uncounted, and are made after', async () => {
    let isAway = true;
    const db = database.db.withPlugin({
      transformQuery({ node }) {
        if (isAway) throw new Error('Connection terminated unexpectedly');
        return node;
      },
      transformResult: async ({ result }) => result,
    });
    const budgets = createMonthlyBudgets({ ...database, db }, samePolicies({ budgets: { default: 5 } }));
    await assert.rejects(budgets.ensure('default', null), /Connection terminated/);
    isAway = false;
    await budgets.ensure('default', null);
    assert.equal((await rows())[0]!.limit_tokens, 5);
  });

  it('and all others that count a call: the one with the least left binds', () => {
    const budget = (scope: StoredBudget['scope'], limits: Partial<StoredBudget>): StoredBudget => ({
      scope,
      ref: '',
      limitTokens: null,
      spentTokens: 0,
      reservedTokens: 0,
      limitNano: null,
      spentNano: 0,
      reservedNano: 0,
      ...limits,
    });
    const found = bindingBudgets([
      budget('tenant', { limitTokens: 100, spentTokens: 20, reservedTokens: 30, limitNano: 5 }),
      budget('persona', { limitTokens: 60, spentTokens: 20 }),
      budget('agent', { limitNano: 9, spentNano: 20 }),
      budget('run', {}),
    ]);
    assert.deepEqual(found, {
      tokens: { scope: 'persona', ref: '', limit: 60, left: 40 },
      nano: { scope: 'agent', ref: '', limit: 9, left: 0 },
    });
    assert.deepEqual(bindingBudgets([]), { tokens: null, nano: null });
  });
});

/** Policies that say the same of every tenant. */
function samePolicies(settings: TenantSettings): Pick<Policies, 'of'> {
  return { of: async (tenantId) => composePolicy(tenantId, [{ origin: 'file', settings }]) };
}
