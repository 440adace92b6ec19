// runs on: PostgreSQL
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Client } from '@reeve/client';
import { routes, type RunEvent } from '@reeve/contract';
import { killAtCommits, requireWhole } from '@reeve/testing/kill-points';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

/*
 * A server killed at commits of a run that gives work to two agents at once, each of which makes a call of its own. In the end
 * there is one child run for each call, everything was done once, and the run has both answers.
 */
const WORKERS = ['left', 'right'];
const ANSWER = 'Both are done.';

describe('a server killed at any commit of a run with child runs', { timeout: 600_000 }, () => {
  let upstream: FakeUpstream;
  before(async () => {
    upstream = await startFakeUpstream();
    upstream.respond(({ messages }) => {
      const asked = messages.find(({ role }) => role === 'user')?.text ?? '';
      const hasResults = messages.some(({ role }) => role === 'tool');
      if (asked === 'do it all') {
        if (hasResults) return { text: [ANSWER] };
        return {
          toolCalls: WORKERS.map((agent) => ({
            name: 'delegate_to_agent',
            input: { agent, message: `work, ${agent}` },
          })),
        };
      }
      if (hasResults) return { text: [`Done: ${asked}`] };
      return { toolCalls: [{ name: 'write_file', input: { path: 'done.txt', content: asked } }] };
    });
  });
  after(() => upstream[Symbol.asyncDispose]());

  it('opens each once, and loses neither them nor what they came to', async (context) => {
    const environment = () => upstream.environment;
    const { points, killed } = await killAtCommits({ environment, carryOn, check }, 3);
    context.diagnostic(`killed at ${killed} of ${points} points`);
    assert.ok(points >= 12, `at least 12 commits, these are ${points}`);
    assert.ok(killed >= 4, `killed at 4 points or more, these were ${killed}`);
  });

  async function carryOn(client: Client): Promise<void> {
    const { configs } = await client.call(routes.listAgents, { query: { limit: 200 } });
    const make = async (slug: string, tool: string) => {
      if (configs.some((agent) => agent.slug === slug)) return;
      await client.call(routes.createAgent, { body: { name: slug, slug, system_prompt: 'Work.', tools: [tool] } });
    };
    await make('boss', 'delegate_to_agent');
    for (const slug of WORKERS) await make(slug, 'write_file');
    const { runs } = await client.call(routes.listRuns, { query: { limit: 200 } });
    const root = runs.find(({ parent_run_id }) => parent_run_id === null);
    if (root !== undefined) return void (await follow(client, root.id));
    const body = { agent_config_id: 'boss', message: 'do it all' };
    for await (const event of client.stream(routes.chat, { body })) if (event.type === 'session_end') break;
    return carryOn(client);
  }

  async function follow(client: Client, runId: string): Promise<RunEvent[]> {
    const events: RunEvent[] = [];
    for await (const event of client.followRun(runId, { signal: AbortSignal.timeout(60_000) })) events.push(event);
    return events;
  }

  async function check(client: Client, where: string): Promise<void> {
    const { runs } = await client.call(routes.listRuns);
    const root = runs.find(({ parent_run_id }) => parent_run_id === null)!;
    assert.deepEqual([root.status, root.result], ['completed', ANSWER], where);
    const children = root.children.map((id) => runs.find((run) => run.id === id)!);
    assert.equal(runs.length, 3, where);
    assert.deepEqual(
      children.map(({ agent, status, result }) => [agent, status, result]),
      WORKERS.map((agent) => [agent, 'completed', `Done: work, ${agent}`]),
      where,
    );
    const { steps } = await client.call(routes.listSteps, { params: { id: root.id } });
    assert.deepEqual(
      steps.map(({ outcome, child_run_id }) => [outcome, child_run_id]),
      [['success', null], ...children.map(({ id }) => ['success', id]), ['success', null]],
      where,
    );
    const told = await Promise.all([root, ...children].map(({ id }) => follow(client, id)));
    for (const events of told) requireWhole(events, where);
    assert.deepEqual(
      told.map((events) => events.filter(({ type }) => type === 'tool_result').length),
      [2, 1, 1],
      where,
    );
    assert.equal(
      told[0]!.filter((event) => event.type === 'system' && event.child_run_id !== undefined).length,
      2,
      where,
    );
  }
});
