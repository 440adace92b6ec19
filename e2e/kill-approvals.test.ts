// runs on: PostgreSQL
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ClientError, type Client } from '@reeve/client';
import { routes, type RunEvent } from '@reeve/contract';
import { killAtCommits, requireWhole } from '@reeve/testing/kill-points';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

/*
 * Kills a real server with SIGKILL after every other commit of a conversation in which an agent makes three calls in one turn, a person
 * approves one of them, and the run is forked when it has ended; starts it again on the same data, and carries on from whatever is
 * there as a person would: approves what waits, forks what was not forked. In the end every call was made, each question was
 * answered once, and every log is whole.
 */
const ANSWER = 'It is all done.';
const MORE = 'And that is more.';

describe('a server killed at any commit of a run that people decide about', { timeout: 600_000 }, () => {
  let upstream: FakeUpstream;
  before(async () => {
    upstream = await startFakeUpstream();
    upstream.respond(({ messages }) => {
      if (messages.some(({ role, text }) => role === 'user' && text === 'tell me more')) return { text: [MORE] };
      if (messages.some(({ role }) => role === 'tool')) return { text: ['It is ', 'all done.'] };
      return {
        text: ['I begin.'],
        toolCalls: [
          { name: 'calculator', input: { expression: '6 * 7' } },
          { name: 'write_file', input: { path: 'sum.txt', content: '42' } },
          { name: 'calculator', input: { expression: '1 + 1' } },
        ],
      };
    });
  });
  after(() => upstream[Symbol.asyncDispose]());

  it('asks again for nothing that was decided, and loses neither the run nor its fork', async (context) => {
    const environment = () => upstream.environment;
    const { points, killed } = await killAtCommits({ environment, carryOn, check }, 2);
    context.diagnostic(`killed at ${killed} of ${points} points`);
    assert.ok(points >= 10, `at least 10 commits, these are ${points}`);
    assert.ok(killed >= 5, `killed at 5 points or more, these were ${killed}`);
  });

  /** Does whatever is still to be done: starts the run, decides, and forks it. Throws where the server dies. */
  async function carryOn(client: Client): Promise<void> {
    const { configs } = await client.call(routes.listAgents, { query: { limit: 200 } });
    if (!configs.some(({ slug }) => slug === 'careful'))
      await client.call(routes.createAgent, {
        body: {
          name: 'Careful',
          slug: 'careful',
          system_prompt: 'Work.',
          tools: ['calculator', 'write_file'],
          approvals: ['write_file'],
        },
      });
    const { runs } = await client.call(routes.listRuns, { query: { limit: 200 } });
    const original = runs.find(({ forked_from }) => forked_from === null);
    if (original === undefined) {
      const body = { agent_config_id: 'careful', message: 'do it all' };
      for await (const event of client.stream(routes.chat, { body })) await answer(client, event);
      return carryOn(client);
    }
    await follow(client, original.id);
    const ended = await client.call(routes.getRun, { params: { id: original.id } });
    assert.deepEqual([ended.status, ended.error], ['completed', null]);
    if (!runs.some(({ forked_from }) => forked_from === original.id))
      await client.call(routes.forkRun, {
        params: { id: original.id },
        body: { from_step: 6, message: 'tell me more' },
      });
    for (const { id, forked_from } of (await client.call(routes.listRuns, { query: { limit: 200 } })).runs)
      if (forked_from !== null) await follow(client, id);
  }

  async function follow(client: Client, runId: string): Promise<RunEvent[]> {
    const events: RunEvent[] = [];
    for await (const event of client.followRun(runId, { signal: AbortSignal.timeout(60_000) })) {
      events.push(event);
      await answer(client, event);
    }
    return events;
  }

  /** Approves what waits; what is decided already is a conflict, which is as well. */
  async function answer(client: Client, event: RunEvent): Promise<void> {
    if (event.type !== 'approval_required') return;
    await client
      .call(routes.decideApproval, { params: { id: event.approval_id }, body: { decision: 'approve' } })
      .catch((error: unknown) => {
        if (!(error instanceof ClientError) || error.code !== 'conflict') throw error;
      });
  }

  async function check(client: Client, where: string): Promise<void> {
    const { runs } = await client.call(routes.listRuns);
    const original = runs.find(({ forked_from }) => forked_from === null)!;
    const forks = runs.filter(({ forked_from }) => forked_from !== null);
    assert.deepEqual([original.status, original.result], ['completed', ANSWER], where);
    assert.deepEqual(
      forks.map(({ status, result, steps }) => [status, result, steps]),
      [['completed', MORE, 7]],
      where,
    );
    for (const { id } of runs) requireWhole(await follow(client, id), where);
    const { steps } = await client.call(routes.listSteps, { params: { id: original.id } });
    assert.deepEqual(
      steps.map(({ kind, outcome }) => `${kind} ${outcome}`),
      ['model success', 'tool success', 'tool success', 'tool success', 'model success'],
      where,
    );
    const events = await follow(client, original.id);
    assert.equal(events.filter(({ type }) => type === 'approval_required').length, 1, where);
    assert.equal(events.filter(({ type }) => type === 'approval_decided').length, 1, where);
    assert.equal(events.filter(({ type }) => type === 'tool_result').length, 3, where);
    const { approvals } = await client.call(routes.listApprovals, { query: { status: 'approved' } });
    assert.equal(approvals.length, 1, where);
  }
});
