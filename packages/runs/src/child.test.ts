// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Run, ToolOutcome } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import type { ModelRequest } from '@reeve/models';
import { cancelTask, decideApproval, resumeShort, retryTask, selectTask, selectToolApprovals } from '@reeve/tasks';
import { openTestEngine, requester, type ScriptedAnswer, type TestEngine } from '@reeve/testing';
import { cancelRun } from './cancel.ts';
import { forkRun } from './fork.ts';

describe('a run that gives work to another agent', () => {
  let engine: TestEngine;
  /** What each agent answers, by its slug and what it was asked last. */
  let answers: Record<string, (request: ModelRequest) => ScriptedAnswer>;

  before(async () => {
    engine = await openTestEngine();
    for (const slug of ['boss', 'left', 'right', 'deep'])
      await engine.makeAgent(slug, {
        system_prompt: slug,
        tools: ['count_none', 'count_external', 'delegate_to_agent'],
        ...(slug === 'right' && { approvals: ['count_external'] }),
      });
  });
  after(() => engine[Symbol.asyncDispose]());
  beforeEach(() => {
    engine.counted.clear();
    answers = {
      boss: afterTools({ calls: [ask('left'), ask('right')] }, { text: 'All done.' }),
      left: () => ({ text: 'From the left.' }),
      right: () => ({ text: 'From the right.' }),
    };
    engine.model.respond((request) => answers[request.system]!(request));
  });

  const ask = (agent: string, more: object = {}) => ({
    name: 'delegate_to_agent',
    input: { agent, message: `work, ${agent}`, ...more },
  });
  /** First the one answer, and when its calls have results the other. */
  const afterTools = (first: ScriptedAnswer, then: ScriptedAnswer) => (request: ModelRequest) =>
    request.messages.at(-1)!.role === 'tool' ? then : first;
  const start = (agent = 'boss', asked: { sessionId?: string } = {}) => engine.start('go', { agent, ...asked });
  const taskOf = async (taskId: string) =>
    (await inTenant(engine.database.db, 'default', (tx) => selectTask(tx, 'default', taskId)))!;
  const childrenOf = async (runId: string): Promise<Run[]> =>
    Promise.all((await engine.run(runId)).children.map((id) => engine.run(id)));
  /** Resolves when the run was put aside for that. */
  async function parked(runId: string, reason = 'dependencies'): Promise<Run> {
    for await (const event of engine.feed.follow('default', runId, 0, AbortSignal.timeout(30_000)))
      if (event.type === 'system' && event.waiting_for === reason) return engine.run(runId);
    throw new Error('it ended');
  }
  /** Works on whatever is ready until nothing is. */
  const work = async () => {
    while ((await engine.worker.runOnce(10)).length > 0);
  };
  const outputs = async (runId: string) =>
    (await engine.steps(runId))
      .filter(({ kind }) => kind === 'tool')
      .map(({ output }) => output as ToolOutcome & { result: Record<string, string> });

  it('waits for its children without a lease, and goes on with what each came to', async () => {
    const { runId, taskId } = await start();
    const waiting = await parked(runId);
    assert.deepEqual([waiting.status, waiting.waiting_for, waiting.children.length], ['queued', 'dependencies', 2]);
    const task = await taskOf(taskId);
    assert.deepEqual([task.status, task.waiting_for], ['pending', 'dependencies']);
    assert.deepEqual(await engine.database.db.selectFrom('leases').select('task_id').execute(), []);
    const children = await childrenOf(runId);
    assert.deepEqual(
      children.map(({ agent, parent_run_id, root_run_id, input, status }) => [
        agent,
        parent_run_id,
        root_run_id,
        input,
        status,
      ]),
      [
        ['left', runId, runId, 'work, left', 'queued'],
        ['right', runId, runId, 'work, right', 'queued'],
      ],
    );
    assert.equal(new Set([waiting, ...children].map(({ session_id }) => session_id)).size, 3);
    assert.equal((await taskOf(children[0]!.task_id)).parent_task_id, taskId);

    await work();
    const { status, result, root_run_id, usage, tree_usage } = await engine.run(runId);
    assert.deepEqual([status, result, root_run_id], ['completed', 'All done.', runId]);
    assert.deepEqual([usage.total_tokens, tree_usage?.total_tokens], [30, 60]);
    assert.deepEqual(
      (await outputs(runId)).map(({ tool_status, result: { answer, run_id, session_id } }) => [
        tool_status,
        answer,
        run_id,
        session_id,
      ]),
      children.map(({ id, agent, session_id }) => ['success', `From the ${agent}.`, id, session_id]),
    );
    assert.deepEqual(
      (await engine.steps(runId)).map(({ child_run_id }) => child_run_id),
      [null, ...children.map(({ id }) => id), null],
    );
    assert.equal((await taskOf(taskId)).attempts, 1, 'waiting is no attempt');
    const events = await engine.events(runId);
    assert.deepEqual(
      events.flatMap((event) =>
        event.type === 'system' && event.child_run_id ? [[event.phase, event.step, event.child_run_id]] : [],
      ),
      children.map(({ id }, index) => ['delegated', index + 2, id]),
    );
    const audited = await engine.database.db
      .selectFrom('audit')
      .select(['action', 'details'])
      .where('run_id', '=', children[0]!.id)
      .execute();
    assert.deepEqual(audited.map(({ action }) => action).sort(), ['PLAN_END', 'PLAN_MODEL_RESPONSE', 'PLAN_START']);
  });

  it('is told of each child as it ends, and asks its model only when all have', async () => {
    const { runId } = await start();
    await parked(runId);
    const first = await engine.worker.runOnce(1);
    assert.equal(first.length, 1);
    // The parent, or the other child: whichever is claimed, the parent asks nothing yet.
    await engine.worker.runOnce(1);
    assert.equal((await engine.run(runId)).status, 'queued');
    await work();
    assert.equal((await engine.run(runId)).result, 'All done.');
    assert.equal(engine.model.requests.filter(({ system }) => system === 'boss').length % 2, 0);
  });

  it('is told that a child was stopped or failed, and goes on', async () => {
    answers['right'] = () => ({ error: new ReeveError('invalid_request', 'there is no such model') });
    const { runId } = await start();
    await parked(runId);
    const [left] = await childrenOf(runId);
    await cancelRun(engine.database, engine.handler, requester, left!.id);
    await work();
    assert.equal((await engine.run(runId)).result, 'All done.');
    assert.deepEqual(
      (await outputs(runId)).map(({ tool_status, result }) => [tool_status, result['error']]),
      [
        ['error', 'left was stopped: cancelled by ada'],
        ['error', 'right failed: there is no such model'],
      ],
    );
  });

  it('is stopped where it gives the same work again and again, and gets the same answer', async () => {
    answers['boss'] = () => ({ calls: [ask('left')] });
    const { runId } = await start();
    await parked(runId);
    await work();
    const { error, children } = await engine.run(runId);
    assert.match(error!.message, /delegate_to_agent three times/);
    assert.equal(children.length, 3);
  });

  it('takes its children with it where it works longer than it may', async () => {
    await engine.makeAgent('hasty', {
      system_prompt: 'hasty',
      tools: ['count_external', 'delegate_to_agent'],
      limits: { timeout_ms: 1_000 },
    });
    engine.gates.set('never', new Promise(() => undefined));
    answers['hasty'] = () => ({ calls: [ask('left'), { name: 'count_external', input: { key: 'never' } }] });
    const { runId } = await start('hasty');
    await assert.rejects(engine.wait(runId), { reason: 'limit_reached' });
    // Nobody works on the child: it ends because its parent did.
    for (const { id } of await childrenOf(runId)) await engine.wait(id).catch(() => undefined);
    assert.deepEqual(
      (await childrenOf(runId)).map(({ status }) => status),
      ['cancelled'],
    );
  });

  it('takes its children and theirs with it when it is cancelled', async () => {
    const hangs = Promise.withResolvers<void>();
    answers['left'] = () => ({ calls: [ask('deep')] });
    answers['deep'] = () => ({ text: 'I think', hang: true, started: hangs.resolve });
    const { runId } = await start();
    await parked(runId);
    const working = work();
    await hangs.promise;
    await cancelRun(engine.database, engine.handler, requester, runId);
    await working;
    const children = await childrenOf(runId);
    const [grandchild] = await childrenOf(children[0]!.id);
    assert.deepEqual(
      [await engine.run(runId), children[0]!, grandchild!].map(({ status }) => status),
      ['cancelled', 'cancelled', 'cancelled'],
    );
    assert.deepEqual(await engine.database.db.selectFrom('waiting_tasks').select('task_id').execute(), []);
  });

  it('takes its children with it when a message to its session stops it', async () => {
    const { runId, sessionId } = await start();
    await parked(runId);
    const children = await childrenOf(runId);
    answers['boss'] = () => ({ text: 'Something else.' });
    await engine.start('no, stop', { agent: 'boss', sessionId, multitask: 'rollback' });
    assert.deepEqual(
      (await childrenOf(runId)).map(({ status }) => status),
      children.map(() => 'cancelled'),
    );
    await work();
  });

  it('opens new children where its task is tried again, and keeps those that had ended', async () => {
    answers['right'] = () => ({ text: 'I think', hang: true });
    const { runId, taskId } = await start();
    await parked(runId);
    const [left, right] = await childrenOf(runId);
    await cancelTask(engine.database, engine.handler, requester, taskId);
    answers['right'] = () => ({ text: 'From the right.' });
    await retryTask(engine.database, engine.handler, requester, taskId);
    await work();
    const run = await engine.run(runId);
    assert.deepEqual([run.status, run.result, run.children.length], ['completed', 'All done.', 4]);
    const [, first, second] = await engine.steps(runId);
    assert.ok(![left!.id, right!.id].includes(first!.child_run_id!));
    assert.deepEqual([first!.attempt, second!.attempt], [2, 2]);
  });

  it('goes on with a child that has ended where only its own end had come between', async () => {
    const { runId, taskId } = await start();
    await parked(runId);
    const [left] = await childrenOf(runId);
    // The child ends while nobody works on the parent, which is cancelled before it hears of it.
    await engine.worker.runOnce(1);
    await cancelTask(engine.database, engine.handler, requester, taskId);
    const ended = (await childrenOf(runId)).filter(({ status }) => status === 'completed').map(({ id }) => id);
    assert.deepEqual(ended, [left!.id]);
    await retryTask(engine.database, engine.handler, requester, taskId);
    await work();
    const run = await engine.run(runId);
    assert.deepEqual([run.result, run.children.length], ['All done.', 3]);
    assert.equal((await engine.steps(runId))[1]!.child_run_id, left!.id);
  });

  it('is shared by forks behind its children, and opens new ones for forks before them', async () => {
    const { runId } = await start();
    await parked(runId);
    await work();
    const behind = await forkRun(engine.parts, { requester, runId, fromStep: 4, message: undefined });
    await engine.wait(behind.id);
    assert.deepEqual((await engine.run(behind.id)).children, []);
    assert.equal((await engine.steps(behind.id))[1]!.child_run_id, (await engine.steps(runId))[1]!.child_run_id);
    const before = await forkRun(engine.parts, { requester, runId, fromStep: 3, message: undefined });
    await parked(before.id);
    await work();
    const run = await engine.run(before.id);
    assert.deepEqual([run.result, run.children.length], ['All done.', 1]);
  });

  it('waits on while a child waits for people', async () => {
    answers['right'] = afterTools({ calls: [{ name: 'count_external', input: { key: 'sent' } }] }, { text: 'Sent.' });
    const { runId } = await start();
    await parked(runId);
    await work();
    const [, right] = await childrenOf(runId);
    assert.deepEqual([right!.waiting_for, (await engine.run(runId)).waiting_for], ['approval', 'dependencies']);
    const [approval] = await inTenant(engine.database.db, 'default', (tx) => selectToolApprovals(tx, right!.id));
    await decideApproval(engine.database, engine.handler, requester, approval!.id, { decision: 'approve' }, null);
    await work();
    assert.deepEqual([(await engine.run(runId)).result, engine.counted.get('sent')], ['All done.', 1]);
  });

  it('waits for people and for children at once, and hears both', async () => {
    await engine.makeAgent('asking', {
      system_prompt: 'asking',
      tools: ['count_none', 'delegate_to_agent'],
      approvals: ['count_none'],
    });
    answers['asking'] = afterTools(
      { calls: [{ name: 'count_none', input: { key: 'both' } }, ask('left')] },
      { text: 'Both.' },
    );
    const { runId } = await start('asking');
    await parked(runId, 'approval');
    await work();
    assert.deepEqual(
      (await engine.steps(runId)).map(({ status }) => status),
      ['settled', 'pending', 'settled'],
    );
    const [approval] = await inTenant(engine.database.db, 'default', (tx) => selectToolApprovals(tx, runId));
    await decideApproval(engine.database, engine.handler, requester, approval!.id, { decision: 'approve' }, null);
    await work();
    assert.equal((await engine.run(runId)).result, 'Both.');
  });

  it('asks people before it gives work where they are to be asked, and gives what they changed it to', async () => {
    await engine.makeAgent('asked', {
      system_prompt: 'asked',
      tools: ['delegate_to_agent'],
      approvals: ['delegate_to_agent'],
    });
    answers['asked'] = afterTools({ calls: [ask('left')] }, { text: 'With leave.' });
    const { runId } = await start('asked');
    await parked(runId, 'approval');
    assert.deepEqual((await engine.run(runId)).children, []);
    const [approval] = await inTenant(engine.database.db, 'default', (tx) => selectToolApprovals(tx, runId));
    const editedInput = { agent: 'right', message: 'you do it' };
    await decideApproval(
      engine.database,
      engine.handler,
      requester,
      approval!.id,
      { decision: 'approve', editedInput },
      null,
    );
    await work();
    const [child] = await childrenOf(runId);
    assert.deepEqual([child!.agent, child!.input], ['right', 'you do it']);
    assert.match(JSON.stringify((await outputs(runId))[0]!.result), /A person changed the input.*From the right/);
  });

  describe('that cannot be given', () => {
    async function refused(call: { name: string; input: object }): Promise<string> {
      answers['boss'] = afterTools({ calls: [call] }, { text: 'I see.' });
      const { runId } = await start();
      await engine.wait(runId);
      assert.deepEqual((await engine.run(runId)).children, []);
      const [output] = await outputs(runId);
      assert.equal(output!.tool_status, 'error');
      return output!.result['error']!;
    }

    it('is told which agents there are', async () => {
      assert.match(await refused(ask('nobody')), /no agent nobody; .*left, right/);
    });

    it('is told what is wrong with its arguments', async () => {
      assert.match(await refused({ name: 'delegate_to_agent', input: { agent: 'left' } }), /message/);
    });

    it('is told where an agent waits for it itself', async () => {
      assert.match(await refused(ask('boss')), /boss waits for the outcome of this work itself/);
      answers['boss'] = afterTools({ calls: [ask('left')] }, { text: 'Done.' });
      answers['left'] = afterTools({ calls: [ask('boss')] }, { text: 'Not possible.' });
      const { runId } = await start();
      await parked(runId);
      await work();
      const [left] = await childrenOf(runId);
      assert.match((await outputs(left!.id))[0]!.result['error']!, /boss waits for the outcome/);
    });

    it('is told where work was given on too often', async () => {
      const line = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'];
      for (const [index, slug] of line.entries()) {
        await engine.makeAgent(slug, { system_prompt: slug, tools: ['delegate_to_agent'] });
        answers[slug] = afterTools({ calls: [ask(line[index + 1] ?? 'left')] }, { text: `${slug} is done.` });
      }
      const { runId } = await start('one');
      await parked(runId);
      await work();
      assert.equal((await engine.run(runId)).result, 'one is done.');
      const runs = await engine.database.db.selectFrom('runs').select('id').where('root_run_id', '=', runId).execute();
      assert.equal(runs.length, 5);
      const last = runs
        .map(({ id }) => id)
        .sort()
        .at(-1)!;
      assert.match((await outputs(last))[0]!.result['error']!, /given on 5 times/);
    });

    it('is told where a session is none of its own', async () => {
      const other = await start('left');
      await engine.wait(other.runId);
      assert.match(await refused(ask('left', { session_id: other.sessionId })), /has done nothing in session/);
    });
  });

  it('goes on in the session of earlier work, one run at a time', async () => {
    answers['left'] = (request) => ({ text: `I was told ${request.messages.length} things.` });
    answers['boss'] = afterTools({ calls: [ask('left')] }, { text: 'First.' });
    const first = await start();
    await parked(first.runId);
    await work();
    const { session_id } = (await outputs(first.runId))[0]!.result as { session_id: string };
    answers['boss'] = afterTools(
      { calls: [ask('left', { session_id }), ask('left', { session_id })] },
      { text: 'Second.' },
    );
    const second = await engine.start('again', { agent: 'boss', sessionId: first.sessionId });
    await parked(second.runId);
    await work();
    const [went, refused] = await outputs(second.runId);
    assert.deepEqual([went!.result['answer'], went!.result['session_id']], ['I was told 3 things.', session_id]);
    assert.match(refused!.result['error']!, /still at work in session/);
  });

  it('shares its budget with its children, which wait for money and go on when there is', async () => {
    const limit = (tokens: number | null, runId: string) =>
      engine.database.db
        .insertInto('budgets')
        .values({ tenant_id: 'default', scope: 'run', ref: runId, limit_tokens: tokens, updated_by: 'ada' })
        .onConflict((conflict) => conflict.columns(['tenant_id', 'scope', 'ref']).doUpdateSet({ limit_tokens: tokens }))
        .execute();
    const { runId } = await start();
    await parked(runId);
    await limit(20, runId);
    await work();
    const children = await childrenOf(runId);
    assert.equal(children.filter(({ waiting_for }) => waiting_for === 'budget').length, 1);
    assert.equal((await engine.run(runId)).waiting_for, 'dependencies');
    await limit(1_000_000, runId);
    await resumeShort(engine.database, engine.handler, silentLog, 'default');
    await work();
    assert.equal((await engine.run(runId)).result, 'All done.');
    const calls = await engine.database.db
      .selectFrom('model_calls')
      .select('run_id')
      .where('root_run_id', '=', runId)
      .execute();
    assert.equal(new Set(calls.map(({ run_id }) => run_id)).size, 3);
  });
});
