// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { inTenant, type Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import { ensureRunBudget, exhausted } from './budget-change.ts';
import { beginCall, HOLD_MS, settleCall, settleOpenCalls } from './call.ts';
import { ATTEMPT, ended, OWNER, setBudget, stateOf } from '../test/metering.ts';
import type { CallAttempt, CallOwner } from './metering.ts';
import { deleteRunBudgets } from './store/budget.ts';
import { expireCalls, startMetering, sweepCalls } from './sweep.ts';

function rowOf({ db }: Database, id: string) {
  return db.selectFrom('model_calls').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

function refused(pattern: RegExp, retryAfterMs?: number) {
  return (error: unknown) => {
    assert.ok(error instanceof ReeveError);
    assert.equal(error.reason, 'budget_exhausted');
    assert.match(error.message, pattern);
    assert.equal(error.retryAfterMs, retryAfterMs);
    return true;
  };
}

describe('a model call in the ledger', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    await database.db.deleteFrom('model_calls').execute();
    await database.db.deleteFrom('budgets').execute();
  });
  after(() => database[Symbol.asyncDispose]());
  const begin = (owner: Partial<CallOwner> = {}, attempt: Partial<CallAttempt> = {}, db = database.db) =>
    beginCall(db, { ...OWNER, ...owner }, { ...ATTEMPT, ...attempt }, HOLD_MS);

  it('is recorded without any budget, open and then with what it used', async () => {
    const owner = { agentId: 'scout', personaId: randomUUID(), runId: randomUUID(), rootRunId: randomUUID(), step: 3 };
    const id = await begin(owner, { attempt: 2 });
    const open = await rowOf(database, id);
    assert.deepEqual(
      [open.agent_id, open.persona_id, open.run_id, open.root_run_id, open.step, open.attempt, open.user_id],
      ['scout', owner.personaId, owner.runId, owner.rootRunId, 3, 2, 'ada'],
    );
    assert.deepEqual(
      [open.status, open.outcome, open.reserved_input, open.reserved_output, open.reserved_nano, open.cost_nano],
      ['open', null, 500, 500, 250_000, null],
    );
    const usage = { input: 400, output: 70, cached: 100, reasoning: 30 };
    assert.equal(await settleCall(database.db, 'default', id, ended(0, 0, { usage })), true);
    const settled = await rowOf(database, id);
    assert.deepEqual(
      [settled.status, settled.outcome, settled.estimated, settled.first_token_ms, settled.latency_ms],
      ['settled', 'ok', false, 20, 90],
    );
    assert.deepEqual(
      [settled.input_tokens, settled.output_tokens, settled.cached_tokens, settled.reasoning_tokens, settled.cost_nano],
      [400, 70, 100, 30, 59_000],
    );
    assert.ok(settled.ended_at);
  });

  it('reserves in every budget that counts it, and moves what it used to spent', async () => {
    const owner = { agentId: 'scout', personaId: randomUUID(), runId: randomUUID(), rootRunId: randomUUID() };
    await setBudget(database, { tokens: 10_000 });
    await setBudget(database, { scope: 'persona', ref: owner.personaId, nano: 1_000_000 });
    await setBudget(database, { scope: 'agent', ref: 'scout', tokens: 10_000, nano: 1_000_000 });
    await setBudget(database, { scope: 'run', ref: owner.rootRunId, nano: 1_000_000 });
    await setBudget(database, { scope: 'agent', ref: 'other', tokens: 0 });
    await setBudget(database, { tenantId: 'other', tokens: 0 });
    const id = await begin(owner);
    for (const scope of ['tenant', 'persona', 'run'])
      assert.deepEqual(await stateOf(database, scope), [0, 0, 1_000, 250_000], scope);
    await settleCall(database.db, 'default', id, ended(500, 100));
    for (const scope of ['tenant', 'persona', 'run'])
      assert.deepEqual(await stateOf(database, scope), [600, 90_000, 0, 0], scope);
    assert.deepEqual(await stateOf(database, 'tenant', 'other'), [0, 0, 0, 0]);
  });

  it('settles once: a second time and another tenant change nothing', async () => {
    await setBudget(database, { tokens: 10_000 });
    const id = await begin();
    assert.equal(await settleCall(database.db, 'other', id, ended(1, 1)), false);
    assert.equal(await settleCall(database.db, 'default', id, ended(10, 10)), true);
    assert.equal(await settleCall(database.db, 'default', id, ended(99, 99)), false);
    assert.deepEqual(await stateOf(database), [20, 5_000, 0, 0]);
  });

  it('is refused where tokens are lacking, and leaves no trace in any budget', async () => {
    await setBudget(database, { tokens: 10_000 });
    await setBudget(database, { scope: 'agent', ref: 'scout', tokens: 999 });
    await assert.rejects(
      begin({ agentId: 'scout' }),
      refused(
        /budget of the agent scout has 999 of 999 tokens left, and this call may use 1000; an operator can raise it/,
      ),
    );
    assert.deepEqual(await stateOf(database), [0, 0, 0, 0]);
    assert.deepEqual(await database.db.selectFrom('model_calls').selectAll().execute(), []);
    await begin({ agentId: 'other' });
  });

  it('is refused where money is lacking, and told when only calls under way stand in the way', async () => {
    await setBudget(database, { nano: 300_000 });
    const id = await begin();
    await assert.rejects(
      begin(),
      refused(
        /the tenant has \$0.00005 of \$0.0003 left, while \$0.00025 is reserved .* this call may cost \$0.00025/,
        1_000,
      ),
    );
    await settleCall(database.db, 'default', id, ended(500, 125));
    await assert.rejects(begin(), refused(/has \$0.0002 of \$0.0003 left, and this call may cost/));
  });

  it('without a known price is refused by a budget in money, and settled by one in tokens at no cost', async () => {
    await setBudget(database, { scope: 'agent', ref: 'scout', nano: 1_000_000_000 });
    await setBudget(database, { tokens: 10_000 });
    await assert.rejects(
      begin({ agentId: 'scout' }, { price: null }),
      refused(/agent scout is limited to \$1, and the price of acme\/large is not known: add it to conf\/models.yaml/),
    );
    const id = await begin({}, { price: null });
    await settleCall(database.db, 'default', id, ended(10, 10));
    assert.deepEqual(await stateOf(database), [20, 0, 0, 0]);
    assert.equal((await rowOf(database, id)).cost_nano, null);
  });

  it('that uses more than it reserved is recorded truthfully, and the next is refused', async () => {
    await setBudget(database, { tokens: 2_000 });
    await settleCall(database.db, 'default', await begin(), ended(500, 4_500));
    assert.deepEqual(await stateOf(database), [5_000, 1_850_000, 0, 0]);
    await assert.rejects(begin({}, { inputTokens: 0, maxOutputTokens: 1 }), refused(/has 0 of 2000 tokens left/));
  });

  it('counts whole tokens, and no more cached ones than there were', async () => {
    await setBudget(database, { tokens: 10_000 });
    const id = await begin({}, { inputTokens: 10.2, maxOutputTokens: 1 });
    assert.deepEqual(await stateOf(database), [0, 0, 12, 1_500]);
    const usage = { input: 3.1, output: Number.NaN, cached: 50, reasoning: 7 };
    await settleCall(database.db, 'default', id, ended(0, 0, { usage, latencyMs: 1.5 }));
    const row = await rowOf(database, id);
    assert.deepEqual(
      [row.input_tokens, row.cached_tokens, row.output_tokens, row.reasoning_tokens, row.cost_nano, row.latency_ms],
      [4, 4, 0, 0, 40, 2],
    );
  });

  it('belongs to the transaction that begins it, and works under the rights of a tenant', async () => {
    await setBudget(database, { tokens: 10_000 });
    const undone = inTenant(database.db, 'default', async (tx) => {
      await begin({}, {}, tx);
      throw new Error('undo');
    });
    await assert.rejects(undone, /undo/);
    assert.deepEqual(await stateOf(database), [0, 0, 0, 0]);
    await inTenant(database.db, 'default', async (tx) => {
      const first = await begin({}, {}, tx);
      await settleCall(tx, 'default', first, ended(100, 0));
      await begin({}, {}, tx);
    });
    assert.deepEqual(await stateOf(database), [100, 10_000, 1_000, 250_000]);
  });

  it('that began before its budget was set holds nothing of it, and counts when it ends', async () => {
    const early = await begin();
    await setBudget(database, { tokens: 10_000 });
    await begin();
    assert.deepEqual(await stateOf(database), [0, 0, 1_000, 250_000]);
    await settleCall(database.db, 'default', early, ended(30, 0));
    assert.deepEqual(await stateOf(database), [30, 3_000, 1_000, 250_000]);
  });

  it('that nobody settles is charged all that it reserved; a late settle corrects nothing', async () => {
    await setBudget(database, { tokens: 10_000 });
    const ids = [await begin(), await begin({}, { price: null })];
    await setBudget(database, { tenantId: 'other', tokens: 1_000 });
    await begin({ tenantId: 'other' });
    const alive = await begin();
    assert.equal(await sweepCalls(database, silentLog), 0);
    await sql`update model_calls set expires_at = reeve_now() where id <> ${alive}`.execute(database.db);
    assert.equal(await sweepCalls(database, silentLog), 3);
    assert.deepEqual(await stateOf(database), [2_000, 250_000, 1_000, 250_000]);
    assert.deepEqual(await stateOf(database, 'tenant', 'other'), [1_000, 250_000, 0, 0]);
    const [row, unpriced] = [await rowOf(database, ids[0]!), await rowOf(database, ids[1]!)];
    assert.deepEqual(
      [row.outcome, row.estimated, row.input_tokens, row.output_tokens, row.cost_nano, row.latency_ms],
      ['crashed', true, 500, 500, 250_000, null],
    );
    assert.equal(unpriced.cost_nano, null);
    assert.equal(await settleCall(database.db, 'default', ids[0]!, ended(1, 1)), false);
    assert.deepEqual(await stateOf(database), [2_000, 250_000, 1_000, 250_000]);
  });

  it('is swept in the background, and at once after a crash of the only process', async () => {
    const id = await begin();
    const ofRun = await begin({ runId: randomUUID(), rootRunId: randomUUID() });
    await expireCalls(database.db);
    await using _ = startMetering(database, silentLog);
    while ((await rowOf(database, id)).status === 'open') await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal((await rowOf(database, ofRun)).status, 'open');
  });

  it('of a step that a crash left open is settled by what was streamed of its last attempt', async () => {
    await setBudget(database, { tokens: 10_000 });
    const owner = { runId: randomUUID(), rootRunId: randomUUID(), step: 4 };
    const ids = [await begin(owner), await begin(owner, { attempt: 2 })];
    const elsewhere = await begin({ ...owner, step: 5 });
    const settle = () => settleOpenCalls(database.db, 'default', owner.runId, 4, { output: 42 });
    assert.equal(await settle(), 2);
    const rows = [await rowOf(database, ids[0]!), await rowOf(database, ids[1]!)];
    assert.deepEqual(
      rows.map((row) => [row.outcome, row.estimated, row.input_tokens, row.output_tokens]),
      [
        ['crashed', true, 500, 0],
        ['crashed', true, 500, 42],
      ],
    );
    assert.equal((await rowOf(database, elsewhere)).status, 'open');
    assert.equal(await settle(), 0);
    assert.deepEqual((await stateOf(database)).slice(0, 3), [1_042, 116_800, 1_000]);
  });

  it('of a run is held to the run’s own budget, which is made once and goes with the run', async () => {
    const [runId, taskId] = [randomUUID(), randomUUID()];
    await ensureRunBudget(database.db, 'default', runId, null);
    assert.deepEqual(await database.db.selectFrom('budgets').selectAll().execute(), []);
    await ensureRunBudget(database.db, 'default', runId, '0.0003');
    await ensureRunBudget(database.db, 'default', runId, '5');
    const owner = { runId: randomUUID(), rootRunId: runId };
    await begin(owner);
    await assert.rejects(begin(owner), refused(new RegExp(`run ${runId} has .* of \\$0.0003 left`), 1_000));
    await deleteRunBudgets(database.db, [taskId]);
    assert.equal((await stateOf(database, 'run'))[3], 250_000);
  });

  it('is refused before it starts when a budget is exhausted', async () => {
    const owner = { ...OWNER, agentId: 'scout' };
    await setBudget(database, { tokens: 1_000 });
    await setBudget(database, { scope: 'agent', ref: 'other', tokens: 0 });
    const id = await begin();
    assert.equal(await exhausted(database.db, owner), undefined);
    await settleCall(database.db, 'default', id, ended(500, 500));
    const error = await exhausted(database.db, owner);
    assert.deepEqual(
      [error?.reason, error?.message],
      [
        'budget_exhausted',
        'the budget of the tenant has spent all of its 1000 tokens; an operator can raise it with PUT /api/v1/budgets',
      ],
    );
    assert.equal(await exhausted(database.db, { ...owner, tenantId: 'other' }), undefined);
  });
});
