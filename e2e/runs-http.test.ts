import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { ClientError } from '@reeve/client';
import { routes, type Approval, type BodyInputOf, type RunEvent } from '@reeve/contract';
import { newId } from '@reeve/kit';
import { refused, type Caller } from '@reeve/testing/http-place';
import { calculate, firstEvent, isAsked, openRunPlace, type RunPlace } from '@reeve/testing/run-place';

describe('tool calls that people are asked about, and forks, over HTTP', { timeout: 300_000 }, () => {
  let place: RunPlace;
  before(async () => {
    place = await openRunPlace();
    await place.makeAgent('careful', { approvals: ['calculator'] });
    await place.makeAgent('free');
  });
  after(() => place[Symbol.asyncDispose]());
  beforeEach(() => place.upstream.reset());

  const ask = (agent_config_id: string, message = 'What is 6 * 7?') =>
    place.admin.client.stream(routes.chat, { body: { agent_config_id, message } });
  const decide = (
    id: string,
    body: BodyInputOf<typeof routes.decideApproval>,
    by: Caller = place.admin,
  ): Promise<Approval> => by.call(routes.decideApproval, { params: { id }, body });
  const runOf = (id: string) => place.admin.call(routes.getRun, { params: { id } });
  const eventsOf = async (id: string) => {
    const events: RunEvent[] = [];
    for await (const event of place.admin.client.followRun(id)) events.push(event);
    return events;
  };
  const stepsOf = async (id: string) => (await place.admin.call(routes.listSteps, { params: { id }, query: {} })).steps;
  /** Texts that the model was shown last, the system prompt aside. */
  const shown = () =>
    place.upstream.requests.at(-1)!.messages.flatMap(({ role, text }) => (role === 'system' ? [] : [text]));

  it('a chat streams the question and goes on in the same stream once it is answered', async () => {
    place.upstream.script([calculate('6 * 7'), { text: ['It is ', '42.'] }]);
    const events: RunEvent[] = [];
    for await (const event of ask('careful')) {
      events.push(event);
      if (event.type !== 'system' || event.waiting_for !== 'approval') continue;
      const { status, waiting_for } = await runOf(event.run_id);
      assert.deepEqual([status, waiting_for], ['queued', 'approval']);
      const asked = events.find(isAsked)!;
      const query = { kind: 'tool_call', run_id: event.run_id } as const;
      const { approvals, total } = await place.admin.call(routes.listApprovals, { query });
      assert.deepEqual(
        [total, approvals.map(({ id, tool, input, step }) => ({ id, tool, input, step }))],
        [1, [{ id: asked.approval_id, tool: 'calculator', input: { expression: '6 * 7' }, step: 2 }]],
      );
      assert.equal(
        (await place.admin.call(routes.listApprovals, { query: { ...query, kind: 'tool_outcome' } })).total,
        0,
      );
      await decide(asked.approval_id, { decision: 'approve', reason: 'go ahead' });
    }
    const types = events.map(({ type }) => type).filter((type) => type !== 'text');
    assert.deepEqual(types, [
      'session_start',
      'system',
      'usage',
      'tool_call',
      'approval_required',
      'system',
      'approval_decided',
      'tool_result',
      'usage',
      'result',
      'session_end',
    ]);
    const decided = events.find((event) => event.type === 'approval_decided');
    assert.deepEqual([decided?.decision, decided?.reason], ['approve', 'go ahead']);
    assert.deepEqual(await eventsOf(events[0]!.run_id), events, 'a replay tells the same');
  });

  it('/execute says after its time which run waits for which decision, and the run goes on', async () => {
    place.upstream.script([calculate('1 + 1'), { text: ['2'] }]);
    const late: unknown = await place.admin
      .call(routes.execute, { body: { task: 'What is 1 + 1?', agent: 'careful', timeout_ms: 2_000 } })
      .catch((error: unknown) => error);
    assert.ok(late instanceof ClientError && late.status === 504 && late.runId !== undefined, String(late));
    const run_id = late.runId;
    const { approval_id } = await firstEvent(place.admin.client.followRun(run_id), isAsked);
    assert.ok(late.message.includes(run_id) && late.message.includes(approval_id), late.message);
    await decide(approval_id, { decision: 'reject', reason: 'not today' });
    const events = await eventsOf(run_id);
    const result = events.find((event) => event.type === 'tool_result');
    assert.equal(result?.status, 'denied');
    assert.match(shown().at(-1)!, /A person rejected this call: not today/);
    assert.equal((await runOf(run_id)).result, '2');
  });

  it('a decision is checked, made once, and only by the run’s own tenant', async () => {
    place.upstream.script([calculate('2 + 2'), { text: ['Done.'] }]);
    const { approval_id: id, run_id } = await firstEvent(ask('careful'), isAsked);
    const edit = (edited_input: Record<string, unknown>) => decide(id, { decision: 'approve', edited_input });
    await refused(edit({ expression: 5 }), 400, 'invalid_request', 'edited_input.expression');
    await refused(edit({}), 400, 'invalid_request', 'edited_input.expression');
    await refused(decide(id, { decision: 'approve', result: 4 }), 400, 'invalid_request', 'result');
    await refused(
      decide(id, { decision: 'reject', edited_input: { expression: '1' } }),
      400,
      'invalid_request',
      'edited_input',
    );
    await refused(decide(id, { decision: 'approve' }, place.stranger), 404, 'not_found');
    assert.equal((await place.stranger.call(routes.listApprovals, { query: { run_id } })).total, 0);
    await refused(decide(newId(), { decision: 'approve' }), 404, 'not_found');

    const decided = await edit({ expression: '3 + 4' });
    assert.deepEqual(
      [decided.status, decided.decided_by, decided.input, decided.edited_input],
      ['approved', 'key-1', { expression: '2 + 2' }, { expression: '3 + 4' }],
    );
    await refused(decide(id, { decision: 'approve' }), 409, 'conflict');
    await refused(decide(id, { decision: 'reject' }), 409, 'conflict');
    await eventsOf(run_id);
    assert.match(shown().at(-1)!, /A person changed the input.*3 \+ 4.*7/s);
  });

  it('a policy has people asked about a tool of any agent, until it is taken away', async () => {
    const query = { kind: 'tool_call' } as const;
    await place.admin.call(routes.putPolicy, {
      body: { task_type: 'tool.calculator', auto_execute: false, tenant: 'default', expires_after_s: 3_600 },
    });
    place.upstream.script([calculate('6 * 7'), { text: ['42'] }]);
    const { approval_id, run_id } = await firstEvent(ask('free'), isAsked);
    const { approvals } = await place.admin.call(routes.listApprovals, { query: { ...query, run_id } });
    const [{ requested_at, expires_at }] = approvals as [Approval];
    assert.equal(Date.parse(expires_at!) - Date.parse(requested_at), 3_600_000);
    await place.admin.call(routes.deletePolicy, {
      params: { task_type: 'tool.calculator' },
      query: { tenant: 'default' },
    });
    await decide(approval_id, { decision: 'approve' });
    await eventsOf(run_id);
    place.upstream.script([calculate('6 * 7'), { text: ['42'] }]);
    const types = new Set<string>();
    for await (const { type } of ask('free')) types.add(type);
    assert.ok(types.has('tool_result') && !types.has('approval_required'));
  });

  describe('a fork', () => {
    const fork = (id: string, body: BodyInputOf<typeof routes.forkRun>, by: Caller = place.admin) =>
      by.call(routes.forkRun, { params: { id }, body });
    /** Three steps: a model call, its tool call, the answer. */
    async function original(): Promise<string> {
      place.upstream.script([calculate('6 * 7'), { text: ['First answer.'] }]);
      const { run_id } = await place.admin.call(routes.query, {
        body: { message: 'How much?', agent_config_id: 'free' },
      });
      return run_id;
    }

    it('is a run of its own that shares the steps before it, answered with 201', async () => {
      const id = await original();
      place.upstream.script([{ text: ['Second answer.'] }]);
      const answer = await place.admin.fetch(`/api/v1/runs/${id}/fork`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ from_step: 3 }),
      });
      assert.equal(answer.status, 201);
      const forked = routes.forkRun.responses[201].parse(await answer.json());
      assert.deepEqual([forked.forked_from, forked.fork_step, forked.agent], [id, 3, 'free']);
      await eventsOf(forked.id);
      assert.deepEqual(
        (await stepsOf(forked.id)).map(({ number, run_id }) => [number, run_id]),
        [
          [1, id],
          [2, id],
          [3, forked.id],
        ],
      );
      assert.deepEqual(
        [(await runOf(forked.id)).result, (await runOf(id)).result],
        ['Second answer.', 'First answer.'],
      );
    });

    it('goes on with what it is told, from its first step or after its last', async () => {
      const id = await original();
      place.upstream.script([{ text: ['Anew.'] }]);
      const anew = await fork(id, { from_step: 1, message: 'How many?' });
      await eventsOf(anew.id);
      assert.deepEqual([anew.input, shown()], ['How many?', ['How many?']]);
      place.upstream.script([{ text: ['More.'] }]);
      const more = await fork(id, { from_step: 4, message: 'And then?' });
      await eventsOf(more.id);
      assert.deepEqual([shown().at(-2), shown().at(-1)], ['First answer.', 'And then?']);
      assert.equal((await runOf(more.id)).result, 'More.');
    });

    it('is refused from where it cannot go on, with the field and what would be right', async () => {
      const id = await original();
      for (const from_step of [0, -1, 1.5]) await refused(fork(id, { from_step }), 400, 'invalid_request', 'from_step');
      await refused(fork(id, { from_step: 5, message: 'x' }), 400, 'invalid_request', 'from_step');
      await refused(fork(id, { from_step: 2, message: 'x' }), 400, 'invalid_request', 'message');
      await refused(fork(id, { from_step: 4 }), 400, 'invalid_request', 'message');
      await refused(fork(id, { from_step: 4, message: '' }), 400, 'invalid_request', 'message');
      await refused(fork(id, { from_step: 1, step: 1 } as never), 400, 'invalid_request', 'step');
      await refused(fork(newId(), { from_step: 1 }), 404, 'not_found');
      await refused(fork(id, { from_step: 1 }, place.stranger), 404, 'not_found');
    });

    it('is made once for an Idempotency-Key', async () => {
      const id = await original();
      place.upstream.script([{ text: ['Once.'] }]);
      const once = () =>
        place.admin.call(routes.forkRun, {
          params: { id },
          body: { from_step: 1 },
          headers: { 'idempotency-key': `fork ${id}` },
        });
      const [one, other] = [await once(), await once()];
      assert.equal(other.id, one.id);
      await eventsOf(one.id);
    });
  });
});
