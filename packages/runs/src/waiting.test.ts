// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Approval } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { cancelTask, decideApproval, resumeShort, retryTask, selectTask, selectToolApprovals } from '@reeve/tasks';
import { passTime, leaveBegun, openTestEngine, requester, type TestEngine } from '@reeve/testing';
import { cancelRun } from './cancel.ts';
import { forkRun } from './fork.ts';

describe('a run that waits', () => {
  let engine: TestEngine;
  before(async () => {
    engine = await openTestEngine();
    await engine.makeAgent('careful', { approvals: ['count_none', 'count_external'] });
  });
  after(() => engine[Symbol.asyncDispose]());
  beforeEach(() => {
    engine.model.script([]);
    engine.counted.clear();
  });

  const asking = (...keys: string[]) => ({ calls: keys.map((key) => ({ name: 'count_none', input: { key } })) });
  const asked = (input = 'ask', agent = 'careful') => engine.start(input, { agent });
  const approvals = (runId: string) => inTenant(engine.database.db, 'default', (tx) => selectToolApprovals(tx, runId));
  const taskOf = async (taskId: string) =>
    (await inTenant(engine.database.db, 'default', (tx) => selectTask(tx, 'default', taskId)))!;
  const decide = (id: string, decision: 'approve' | 'reject', more: object = {}, reason: string | null = null) =>
    decideApproval(engine.database, engine.handler, requester, id, { decision, ...more }, reason);

  /** Resolves when the run was put aside, with what people are asked. */
  async function parked({ runId, taskId }: { runId: string; taskId: string }): Promise<Approval[]> {
    for await (const event of engine.feed.follow('default', runId, 0, AbortSignal.timeout(30_000)))
      if (event.type === 'system' && event.waiting_for !== undefined) {
        assert.equal(event.phase, 'waiting');
        break;
      }
    const task = await taskOf(taskId);
    assert.deepEqual([task.status, task.waiting_for], ['pending', 'approval']);
    return (await approvals(runId)).filter(({ status }) => status === 'pending');
  }
  const work = async () => assert.equal((await engine.worker.runOnce(1)).length, 1);
  const resultOf = (messages: readonly unknown[]) => JSON.stringify(messages.at(-1));

  it('holds no lease, says what it waits for, and goes on once the call is approved', async () => {
    engine.model.script([asking('a'), { text: 'Done.' }]);
    const started = await asked();
    const [approval] = await parked(started);
    assert.deepEqual(
      [approval!.kind, approval!.tool, approval!.input, approval!.step, approval!.agent_id],
      ['tool_call', 'count_none', { key: 'a' }, 2, 'careful'],
    );
    const run = await engine.run(started.runId);
    assert.deepEqual([run.status, run.waiting_for], ['queued', 'approval']);
    const leases = await engine.database.db.selectFrom('leases').select('task_id').execute();
    assert.deepEqual(leases, []);
    assert.equal(engine.counted.get('a'), undefined);

    await decide(approval!.id, 'approve', {}, 'go ahead');
    await work();
    assert.equal(engine.counted.get('a'), 1);
    const { status, result, waiting_for } = await engine.run(started.runId);
    assert.deepEqual([status, result, waiting_for], ['completed', 'Done.', null]);
    const events = await engine.events(started.runId);
    const decided = events.find(({ type }) => type === 'approval_decided');
    assert.ok(decided?.type === 'approval_decided' && decided.decision === 'approve' && decided.reason === 'go ahead');
    assert.deepEqual(
      events.map(({ seq }) => seq),
      events.map((_, index) => index + 1),
    );
    assert.equal((await taskOf(started.taskId)).attempts, 1, 'waiting is no attempt');
  });

  it('tells the model that a call was rejected, with the reason, and makes no such call', async () => {
    engine.model.script([asking('b'), { text: 'Then not.' }]);
    const started = await asked();
    const [approval] = await parked(started);
    await decide(approval!.id, 'reject', {}, 'too risky');
    await work();
    assert.equal(engine.counted.get('b'), undefined);
    assert.match(resultOf(engine.model.requests.at(-1)!.messages), /A person rejected this call: too risky/);
    assert.equal((await engine.steps(started.runId))[1]?.outcome, 'denied');
  });

  it('makes the call with the input that a person changed, and says so', async () => {
    engine.model.script([asking('c'), { text: 'Done.' }]);
    const started = await asked();
    const [approval] = await parked(started);
    await assert.rejects(decide(approval!.id, 'approve', { editedInput: { key: 7 } }), {
      reason: 'invalid_request',
      message: /edited_input\.key/,
    });
    await assert.rejects(decide(approval!.id, 'reject', { editedInput: { key: 'd' } }), { reason: 'invalid_request' });
    await assert.rejects(decide(approval!.id, 'approve', { result: 1 }), { reason: 'invalid_request' });
    const { approval: decided } = await decide(approval!.id, 'approve', { editedInput: { key: 'd' } });
    assert.deepEqual([decided.input, decided.edited_input], [{ key: 'c' }, { key: 'd' }]);
    await work();
    assert.deepEqual([engine.counted.get('c'), engine.counted.get('d')], [undefined, 1]);
    assert.match(resultOf(engine.model.requests.at(-1)!.messages), /A person changed the input/);
  });

  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ])
    it(`takes the answers to parallel calls in any order (${order.join(', ')})`, async () => {
      engine.model.script([
        { calls: [...asking('x', 'y', 'z').calls, { name: 'count_idempotent', input: { key: 'free' } }] },
        { text: 'All done.' },
      ]);
      const started = await asked();
      const open = (await parked(started)).sort((one, other) => one.step! - other.step!);
      assert.equal(open.length, 3);
      assert.equal(engine.counted.get('free'), 1, 'what needs no approval is done meanwhile');
      for (const [nth, index] of order.entries()) {
        await decide(open[index]!.id, index === 1 ? 'reject' : 'approve');
        await work();
        assert.equal((await engine.run(started.runId)).status, nth === 2 ? 'completed' : 'queued');
      }
      assert.deepEqual([engine.counted.get('x'), engine.counted.get('y'), engine.counted.get('z')], [1, undefined, 1]);
      const told = engine.model.requests.at(-1)!.messages.filter(({ role }) => role === 'tool');
      assert.equal(told.length, 4);
    });

  it('takes a decision that comes while another call of the turn is running', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    engine.gates.set('slow', gate);
    engine.model.script([
      { calls: [{ name: 'count_idempotent', input: { key: 'slow' } }, ...asking('quick').calls] },
      { text: 'Both.' },
    ]);
    const started = await asked();
    const { approval_id } = await engine.event(started.runId, 'approval_required');
    await decide(approval_id, 'approve');
    open();
    const { result } = await engine.wait(started.runId);
    assert.equal(result.result, 'Both.');
    assert.deepEqual([engine.counted.get('slow'), engine.counted.get('quick')], [1, 1]);
  });

  it('carries out the default where nobody decides in time', async () => {
    const rule = { tenant_id: 'default', task_type: 'tool.count_idempotent', auto_execute: false, updated_by: 'ada' };
    await engine.database.db
      .insertInto('task_policies')
      .values({ ...rule, expires_after_s: 60, default_decision: 'approve' })
      .execute();
    engine.model.script([{ calls: [{ name: 'count_idempotent', input: { key: 'ruled' } }] }, { text: 'Done.' }]);
    const started = await asked('by policy', 'counter');
    const [approval] = await parked(started);
    assert.equal(approval!.default_decision, 'approve');
    await passTime(engine.database, 61_000);
    await assert.rejects(decide(approval!.id, 'reject'), { reason: 'conflict', message: /approved by default/ });
    await work();
    assert.equal(engine.counted.get('ruled'), 1);
    await engine.database.db.deleteFrom('task_policies').execute();
  });

  it('is cancelled at once, with its questions taken back, and asks again where its task is tried again', async () => {
    engine.model.script([asking('e'), { text: 'At last.' }]);
    const started = await asked();
    const [approval] = await parked(started);
    await cancelRun(engine.database, engine.handler, requester, started.runId);
    assert.equal((await engine.run(started.runId)).status, 'cancelled');
    await assert.rejects(decide(approval!.id, 'approve'), { reason: 'conflict', message: /withdrawn/ });
    await assert.rejects(cancelTask(engine.database, engine.handler, requester, started.taskId), {
      reason: 'conflict',
    });

    await retryTask(engine.database, engine.handler, requester, started.taskId);
    await work();
    const [again] = (await approvals(started.runId)).filter(({ status }) => status === 'pending');
    await decide(again!.id, 'approve');
    await work();
    assert.deepEqual([(await engine.run(started.runId)).result, engine.counted.get('e')], ['At last.', 1]);
  });

  it('asks by a rule for the tool again where the run is forked, or its task is tried again', async () => {
    const rule = { tenant_id: 'default', task_type: 'tool.count_idempotent', auto_execute: false, updated_by: 'ada' };
    await engine.database.db.insertInto('task_policies').values(rule).execute();
    const ruled = { calls: [{ name: 'count_idempotent', input: { key: 'guarded' } }] };
    engine.model.script([ruled]);
    const started = await asked('ruled', 'counter');
    await parked(started);
    const forked = await forkRun(engine.parts, { requester, runId: started.runId, fromStep: 2, message: undefined });
    await parked({ runId: forked.id, taskId: forked.task_id });
    await cancelRun(engine.database, engine.handler, requester, started.runId);
    await retryTask(engine.database, engine.handler, requester, started.taskId);
    await work();
    assert.equal((await taskOf(started.taskId)).waiting_for, 'approval');
    assert.equal(engine.counted.get('guarded'), undefined);
    await engine.database.db.deleteFrom('task_policies').execute();
  });

  it('takes its questions back where it ends while another call of the turn is running', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    engine.gates.set('held', gate);
    engine.model.script([{ calls: [{ name: 'count_idempotent', input: { key: 'held' } }, ...asking('never').calls] }]);
    const started = await asked();
    const { approval_id } = await engine.event(started.runId, 'approval_required');
    await cancelRun(engine.database, engine.handler, requester, started.runId);
    await engine.events(started.runId);
    open();
    await assert.rejects(decide(approval_id, 'approve'), { reason: 'conflict', message: /withdrawn/ });
  });

  describe('for what became of a call that a crash hid', () => {
    async function hidden(key: string): Promise<{ runId: string; taskId: string; approval: Approval }> {
      engine.model.script([{ text: 'I see.' }]);
      const started = await engine.start('crash', { worker: undefined });
      await leaveBegun(engine, started.runId, 'count_external', { key });
      await work();
      const [approval] = await parked(started);
      assert.deepEqual([approval!.kind, engine.counted.get(key)], ['tool_outcome', undefined]);
      return { ...started, approval: approval! };
    }
    const told = () => resultOf(engine.model.requests.at(-1)!.messages);

    it('repeats the call where a person says so, once', async () => {
      const { runId, approval } = await hidden('retry');
      await decide(approval.id, 'approve');
      await work();
      assert.deepEqual([engine.counted.get('retry'), (await engine.run(runId)).status], [1, 'completed']);
      assert.equal((await engine.steps(runId))[1]?.attempt, 2);
    });

    it('skips it, and tells the model that its outcome is unknown', async () => {
      const { runId, approval } = await hidden('skip');
      await decide(approval.id, 'reject', {}, 'I could not tell either');
      await work();
      assert.equal(engine.counted.get('skip'), undefined);
      assert.match(told(), /outcome of this call is unknown.*I could not tell either/);
      assert.equal((await engine.steps(runId))[1]?.outcome, 'unknown');
    });

    it('asks nobody where that call does no harm, whatever others of its tool do', async () => {
      engine.model.script([{ text: 'I see.' }]);
      const { runId } = await engine.start('crash', { worker: undefined });
      await leaveBegun(engine, runId, 'count_external', { key: 'harmless' });
      await work();
      assert.deepEqual([engine.counted.get('harmless'), (await engine.run(runId)).status], [1, 'completed']);
    });

    it('takes the result that a person gives by hand', async () => {
      const { runId, approval } = await hidden('hand');
      await assert.rejects(decide(approval.id, 'reject', { result: { sent: true } }), { reason: 'invalid_request' });
      await decide(approval.id, 'approve', { result: { sent: true } });
      await work();
      assert.equal(engine.counted.get('hand'), undefined);
      assert.match(told(), /"sent":true/);
      assert.equal((await engine.steps(runId))[1]?.outcome, 'success');
    });

    it('takes null for a result, and repeats nothing', async () => {
      const { runId, approval } = await hidden('null');
      await decide(approval.id, 'approve', { result: null });
      await work();
      assert.deepEqual([engine.counted.get('null'), (await engine.run(runId)).status], [undefined, 'completed']);
    });

    it('skips it where nobody answers in time, even where the rule for the tool would approve', async () => {
      const rule = { tenant_id: 'default', task_type: 'tool.count_external', auto_execute: true, updated_by: 'ada' };
      await engine.database.db
        .insertInto('task_policies')
        .values({ ...rule, default_decision: 'approve' })
        .execute();
      const { approval } = await hidden('late');
      assert.equal(approval.default_decision, 'reject');
      await engine.database.db.deleteFrom('task_policies').execute();
    });

    it('asks again where the repeat is hidden too', async () => {
      const { runId, taskId, approval } = await hidden('twice');
      await decide(approval.id, 'approve');
      const { promise: gate, resolve: open } = Promise.withResolvers<void>();
      engine.gates.set('twice', gate);
      const doomed = engine.startWorker('doomed', 60_000);
      const working = doomed.runOnce(1);
      while (engine.counted.get('twice') !== 1) await new Promise((resolve) => setTimeout(resolve, 5));
      await doomed[Symbol.asyncDispose]();
      await working;
      open();
      await passTime(engine.database, 61_000);
      await work();
      const open2 = (await approvals(runId)).filter(({ status }) => status === 'pending');
      assert.deepEqual(
        open2.map(({ kind, attempt }) => [kind, attempt]),
        [['tool_outcome', 2]],
      );
      assert.equal((await taskOf(taskId)).waiting_for, 'approval');
      assert.equal(engine.counted.get('twice'), 1);
    });
  });

  describe('for money', () => {
    const limit = (tokens: number | null) =>
      engine.database.db
        .insertInto('budgets')
        .values({ tenant_id: 'default', scope: 'tenant', limit_tokens: tokens, updated_by: 'ada' })
        .onConflict((conflict) => conflict.columns(['tenant_id', 'scope', 'ref']).doUpdateSet({ limit_tokens: tokens }))
        .execute();

    it('is put aside where the budget has no room for its next call, and goes on when it has', async () => {
      await limit(10);
      engine.model.script([{ text: 'Rich.' }]);
      const { runId, taskId } = await engine.start('poor');
      await assert.rejects(engine.wait(runId), { reason: 'budget_exhausted', runId });
      const task = await taskOf(taskId);
      assert.deepEqual([task.status, task.waiting_for], ['pending', 'budget']);
      assert.equal((await engine.run(runId)).waiting_for, 'budget');

      await limit(1_000_000);
      await resumeShort(engine.database, engine.handler, silentLog, 'default');
      await work();
      assert.equal((await engine.run(runId)).result, 'Rich.');
      await limit(null);
    });

    it('is refused before it starts when nothing is left', async () => {
      await limit(0);
      await assert.rejects(engine.start('broke'), { reason: 'budget_exhausted' });
      await limit(null);
    });
  });
});
