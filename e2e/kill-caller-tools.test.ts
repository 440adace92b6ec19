// runs on: PostgreSQL
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Client } from '@reeve/client';
import { routes, type Run } from '@reeve/contract';
import OpenAI from 'openai';
import type { ChatCompletionMessage, ChatCompletionTool } from 'openai/resources/chat/completions';
import { killAtCommits, requireWhole } from '@reeve/testing/kill-points';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

/*
 * Kills a real server with SIGKILL at every third commit of a run whose model calls a tool of the agent and one of the caller in one
 * turn, starts it again on the same data, and has the caller go on from what it knows: it asks where there is no run, and gives the
 * result where one waits for it. In the end there is one run with the answer, and each call was made once.
 */
const ANSWER = 'It is 42, and it rains.';
const QUESTION = { role: 'user' as const, content: 'what is 6 * 7, and the weather?' };
const WEATHER: ChatCompletionTool = { type: 'function', function: { name: 'weather', parameters: { type: 'object' } } };

describe('a server killed while its run calls a tool of the caller', { timeout: 600_000 }, () => {
  let upstream: FakeUpstream;
  before(async () => {
    upstream = await startFakeUpstream();
    upstream.respond(({ messages }) =>
      messages.at(-1)?.role === 'tool'
        ? { text: ['It is 42, ', 'and it rains.'] }
        : {
            toolCalls: [
              { name: 'calculator', input: { expression: '6 * 7' } },
              { name: 'weather', input: {} },
            ],
          },
    );
  });
  after(() => upstream[Symbol.asyncDispose]());

  it('goes on with the same run, and makes no call twice', async (context) => {
    const { points, killed } = await killAtCommits({ environment: () => upstream.environment, carryOn, check }, 3);
    context.diagnostic(`killed at ${killed} of ${points} points`);
    assert.ok(points >= 6, `at least 6 commits, these are ${points}`);
    assert.ok(killed >= 2, `killed at 2 points or more, these were ${killed}`);
  });

  /** Asks where there is no run, and gives the result that the run waits for. Throws where the server dies. */
  async function carryOn(client: Client, url: string): Promise<void> {
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0, timeout: 60_000 });
    const model = 'agent/assistant';
    if ((await runOf(client)) === undefined)
      await openai.chat.completions.create({ model, messages: [QUESTION], tools: [WEATHER] });
    const run = (await runOf(client))!;
    for await (const event of client.followRun(run.id, { signal: AbortSignal.timeout(60_000) })) {
      if (event.type !== 'system' || event.waiting_for !== 'caller') continue;
      const call = await callOf(client, run.id);
      const said = { role: 'assistant', content: null, refusal: null, tool_calls: [call] } as ChatCompletionMessage;
      const result = { role: 'tool' as const, tool_call_id: call.id, content: 'rain' };
      const { choices } = await openai.chat.completions.create({ model, messages: [QUESTION, said, result] });
      assert.equal(choices[0]?.message.content, ANSWER);
      return;
    }
    assert.equal((await runOf(client))?.result, ANSWER);
  }

  async function check(client: Client, where: string): Promise<void> {
    const { runs } = await client.call(routes.listRuns, { query: { limit: 200 } });
    assert.deepEqual(
      runs.map(({ status, result }) => [status, result]),
      [['completed', ANSWER]],
      where,
    );
    const events = [];
    for await (const event of client.followRun(runs[0]!.id)) events.push(event);
    requireWhole(events, where);
    const results = events.flatMap((event) => (event.type === 'tool_result' ? [`${event.name}: ${event.status}`] : []));
    assert.deepEqual(results.sort(), ['calculator: success', 'weather: success'], where);
  }

  async function runOf(client: Client): Promise<Run | undefined> {
    return (await client.call(routes.listRuns, { query: { limit: 200 } })).runs[0];
  }

  /** The call as the answer had it that the server died in, by what the response of the run says. */
  async function callOf(client: Client, runId: string) {
    const response = await client.call(routes.getResponse, { params: { id: `resp_${runId.replaceAll('-', '')}` } });
    const item = response.output.find(({ type }) => type === 'function_call')!;
    const { name, arguments: text } = item as unknown as { name: string; arguments: string };
    return { id: item['call_id'] as string, type: 'function' as const, function: { name, arguments: text } };
  }
});
