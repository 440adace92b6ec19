// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { inTenant } from '@reeve/db';
import { cancelTask, decideApproval, selectTask, selectToolApprovals } from '@reeve/tasks';
import { openTestEngine, passTime, requester, type TestEngine } from '@reeve/testing';
import { outcomeOf } from '@reeve/tools';
import { answerCalls } from './answer-calls.ts';
import { callerCallId, checkCallerTools, readCallerCallId } from './caller-tools.ts';
import type { StartedRun } from './start.ts';

const schema = { type: 'object', properties: { town: { type: 'string' } } };
const weather = { name: 'weather', description: 'The weather of a town.', inputSchema: schema };
const TOOLS = { tools: [weather, { ...weather, name: 'lights' }] };
const forecast = (town = 'Oslo') => ({ name: 'weather', input: { town } });
const count = (key: string) => ({ name: 'count_none', input: { key } });
const success = (result: unknown) => outcomeOf({ status: 'success', result });

describe('a run that calls tools of its caller', () => {
  let engine: TestEngine;
  before(async () => {
    engine = await openTestEngine();
    await engine.makeAgent('careful', { approvals: ['count_none'] });
  });
  after(() => engine[Symbol.asyncDispose]());
  beforeEach(() => {
    engine.model.script([]);
    engine.model.requests.length = 0;
    engine.counted.clear();
  });

  const ask = (more: Parameters<TestEngine['start']>[1] = {}) => engine.start('go', { callerTools: TOOLS, ...more });
  const answer = (run: StartedRun, step: number, result: unknown, who = requester) =>
    answerCalls(engine.parts, who, [{ callId: callerCallId(run.runId, step), outcome: success(result) }]);
  const work = async () => assert.equal((await engine.worker.runOnce(1)).length, 1);
  const told = () => JSON.stringify(engine.model.requests.at(-1)!.messages.slice(-2));

  /** Resolves when the run was put aside for its caller, for the given time. */
  async function waits({ runId, taskId }: StartedRun, times = 1): Promise<void> {
    let seen = 0;
    for await (const event of engine.feed.follow('default', runId, 0, AbortSignal.timeout(30_000)))
      if (event.type === 'system' && event.waiting_for === 'caller' && ++seen === times) break;
    const run = await engine.run(runId);
    assert.deepEqual([run.status, run.waiting_for], ['queued', 'caller']);
    const task = await inTenant(engine.database.db, 'default', (tx) => selectTask(tx, 'default', taskId));
    assert.deepEqual([task?.status, task?.waiting_for], ['pending', 'caller']);
    assert.deepEqual(await engine.database.db.selectFrom('leases').select('task_id').execute(), []);
  }

  it('offers them to the model, holds no lease while it waits, and goes on with the result', async () => {
    engine.model.script([{ text: 'Let me see.', calls: [forecast()] }, { text: 'Rain.' }]);
    const run = await ask();
    await waits(run);
    const offered = engine.model.requests[0]!.tools.map(({ name }) => name);
    assert.deepEqual(offered, ['count_none', 'count_idempotent', 'count_external', 'weather', 'lights']);
    const { after: seq } = await answer(run, 2, 'rain');
    await work();
    assert.equal((await engine.run(run.runId)).result, 'Rain.');
    assert.match(told(), /"output":"rain"/);
    const events = await engine.events(run.runId);
    const [waiting] = events.filter((event) => event.type === 'system' && event.waiting_for === 'caller');
    assert.equal(seq, waiting?.seq, 'the answer begins behind the call');
    const called = events.find(({ type }) => type === 'tool_call');
    assert.ok(called?.type === 'tool_call' && called.for_caller === true);
  });

  it('makes the agent’s own calls of the turn once, and asks the model again when all are answered', async () => {
    engine.model.script([{ calls: [forecast(), count('a'), forecast('Bergen')] }, { text: 'Done.' }]);
    const run = await ask();
    await waits(run);
    assert.equal(engine.counted.get('a'), 1);
    await answer(run, 4, 'sun');
    await work();
    await waits(run, 2);
    assert.equal(engine.model.requests.length, 1, 'one call is still open');
    await answer(run, 2, 'rain');
    await work();
    const { status, result } = await engine.run(run.runId);
    assert.deepEqual([status, result, engine.counted.get('a')], ['completed', 'Done.', 1]);
    assert.match(JSON.stringify(engine.model.requests[1]!.messages), /"rain".*"key":"a".*"sun"/);
  });

  it('asks people about the agent’s calls meanwhile, whoever answers first', async () => {
    for (const first of ['person', 'caller'] as const) {
      engine.model.script([{ calls: [count(first), forecast()] }, { text: 'Done.' }]);
      const run = await ask({ agent: 'careful' });
      await waits(run);
      const [approval] = await inTenant(engine.database.db, 'default', (tx) => selectToolApprovals(tx, run.runId));
      const decide = () =>
        decideApproval(engine.database, engine.handler, requester, approval!.id, { decision: 'approve' }, null);
      await (first === 'person' ? decide() : answer(run, 3, 'rain'));
      await work();
      assert.equal(engine.counted.get(first), first === 'person' ? 1 : undefined);
      assert.equal((await engine.run(run.runId)).waiting_for, first === 'person' ? 'caller' : 'approval');
      await (first === 'person' ? answer(run, 3, 'rain') : decide());
      await work();
      assert.deepEqual([(await engine.run(run.runId)).result, engine.counted.get(first)], ['Done.', 1]);
    }
  });

  it('takes a result once: a second one changes nothing, and resolves as the first did', async () => {
    engine.model.script([{ calls: [forecast()] }, { text: 'Rain.' }]);
    const run = await ask();
    await waits(run);
    const first = await answer(run, 2, 'rain');
    assert.deepEqual(await answer(run, 2, 'snow'), first);
    await work();
    assert.match(told(), /"rain"/);
    assert.deepEqual(await answer(run, 2, 'snow'), first, 'after the end, too');
    assert.equal((await engine.run(run.runId)).result, 'Rain.');
  });

  it('refuses a result that nobody waits for, of another user, and of the agent’s own call', async () => {
    engine.model.script([{ calls: [count('own'), forecast()] }]);
    const run = await ask();
    await waits(run);
    const refused = { reason: 'invalid_request' };
    await assert.rejects(answer(run, 2, 'mine'), { ...refused, message: /agent’s own/ });
    await assert.rejects(answer(run, 9, 'none'), refused);
    await assert.rejects(answer(run, 3, 'theirs', { ...requester, userId: 'eve' }), refused);
    await assert.rejects(answer(run, 3, 'theirs', { ...requester, tenantId: 'other' }), refused);
    for (const callId of ['call_1', '', `${callerCallId(run.runId, 3)} `, callerCallId(run.taskId, 3)])
      await assert.rejects(answerCalls(engine.parts, requester, [{ callId, outcome: success('') }]), refused);
    const two = [callerCallId(run.runId, 3), callerCallId(run.taskId, 3)];
    await assert.rejects(
      answerCalls(
        engine.parts,
        requester,
        two.map((callId) => ({ callId, outcome: success('') })),
      ),
      { ...refused, message: /two runs/ },
    );
    assert.equal((await engine.run(run.runId)).waiting_for, 'caller');
    await cancelTask(engine.database, engine.handler, requester, run.taskId);
    await assert.rejects(answer(run, 3, 'late'), { ...refused, message: /has ended/ });
  });

  it('goes on with an error where nobody answers in time, and takes no result then', async () => {
    engine.model.script([{ calls: [forecast()] }, { text: 'Nobody knows.' }]);
    const run = await ask();
    await waits(run);
    await passTime(engine.database, 3_600_001);
    await assert.rejects(answer(run, 2, 'late'), { reason: 'invalid_request', message: /run out/ });
    await engine.finish(run.runId);
    assert.match(told(), /in time/);
    assert.equal((await engine.run(run.runId)).result, 'Nobody knows.');
  });

  it('is not spoken to meanwhile, unless it is to be interrupted', async () => {
    engine.model.script([{ calls: [forecast()] }, { text: 'Hello.' }]);
    const run = await ask();
    await waits(run);
    const { sessionId } = run;
    await assert.rejects(engine.start('hello?', { sessionId }), { reason: 'conflict' });
    const next = await engine.start('hello?', { sessionId, multitask: 'interrupt' });
    await engine.finish(next.runId);
    assert.equal((await engine.run(run.runId)).status, 'cancelled');
    assert.equal((await engine.run(next.runId)).result, 'Hello.');
  });

  it('tells only its first model call which tool to call, and gives its tools to no later run of the session', async () => {
    engine.model.script([{ calls: [forecast()] }, { text: 'Rain.' }, { text: 'Hello.' }]);
    const run = await ask({ callerTools: { ...TOOLS, choice: { tool: 'weather' } } });
    await waits(run);
    await answer(run, 2, 'rain');
    await work();
    const next = await engine.start('and now?', { sessionId: run.sessionId });
    await engine.finish(next.runId);
    const [first, second, third] = engine.model.requests;
    assert.deepEqual([first!.toolChoice, second!.toolChoice], [{ tool: 'weather' }, undefined]);
    assert.ok(second!.tools.some(({ name }) => name === 'weather'));
    assert.ok(!third!.tools.some(({ name }) => name === 'weather'));
  });
});

describe('tools that a caller offers', () => {
  const check = (tools: readonly (typeof weather)[], ofAgent: readonly string[] = [], choice?: { tool: string }) =>
    checkCallerTools({ tools, ...(choice && { choice }) }, ofAgent, (index) => `tools.${index}`);
  const refused = (path: string, work: () => void) =>
    assert.throws(work, (error: { reason?: string; details?: { path: string }[] }) => {
      assert.deepEqual([error.reason, error.details?.[0]?.path], ['invalid_request', path]);
      return true;
    });

  it('are refused where they are too many, too large, too deep, or share a name', () => {
    check([weather]);
    const named = (length: number) => Array.from({ length }, (_, index) => ({ ...weather, name: `tool_${index}` }));
    check(named(128));
    refused('tools', () => check(named(129)));
    refused('tools', () => check([{ ...weather, description: 'x'.repeat(256 * 1024) }]));
    const nested = (levels: number): object => (levels === 0 ? {} : { properties: nested(levels - 1) });
    check([{ ...weather, inputSchema: nested(23) as never }]);
    refused('tools.0', () => check([{ ...weather, inputSchema: nested(24) as never }]));
    refused('tools.1', () => check([weather, weather]));
    refused('tools.0', () => check([weather], ['weather']));
    refused('tool_choice', () => check([weather], [], { tool: 'lights' }));
  });

  it('have ids of calls that tell the run and the step, and nothing else is such an id', () => {
    const runId = '01900000-0000-7abc-8def-0123456789ab';
    const id = callerCallId(runId, 12);
    assert.ok(id.length <= 40 && /^[\w-]+$/.test(id), id);
    assert.deepEqual(readCallerCallId(id), { runId, step: 12 });
    for (const other of [
      'call_1',
      `${id}x`,
      id.replace('call_', ''),
      id.replace('_12', '_012'),
      id.replace('_12', '_0'),
    ])
      assert.equal(readCallerCallId(other), undefined, other);
  });
});
