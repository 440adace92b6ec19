// runs on: both databases, and behind PgBouncer
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { ErrorBody, routes, type RunEvent } from '@reeve/contract';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startFakeUpstream } from '@reeve/testing/upstream';

const json = { 'content-type': 'application/json' };

describe('the main road, with the built-in model', () => {
  let reeve: Reeve;
  let client: Client;
  before(async () => {
    reeve = await startReeve();
    client = createClient({ baseUrl: reeve.url });
  });
  after(() => reeve[Symbol.asyncDispose]());
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${reeve.url}${path}`, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) });

  it('/execute answers a task with its result', async () => {
    const response = await post('/execute', { task: 'What is 6 * 7?' }, { 'x-request-id': 'mine-1' });
    const answer = (await response.json()) as Record<string, unknown>;
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('x-request-id'), 'mine-1');
    assert.deepEqual([answer['status'], answer['agent'], answer['request_id']], ['completed', 'assistant', 'mine-1']);
    assert.match(String(answer['result']), /42/);
  });

  it('/run and /plan take a task or a prompt, and count their steps', async () => {
    const run = await client.call(routes.run, {
      body: { prompt: 'calculate 2 + 3 and then write file sum.txt with content five then read sum.txt' },
    });
    assert.equal(run.steps, 7);
    assert.match(run.result ?? '', /five/);
    const plan = await client.call(routes.plan, {
      body: { task: 'What is 10 / 4?', parameters: { unit: 'm' }, agent: 'assistant' },
    });
    assert.match(plan.result ?? '', /2\.5/);
    await assert.rejects(client.call(routes.plan, { body: { task: 'a', prompt: 'b' } }), { status: 400 });
  });

  it('/api/v1/plan tells the plan that was followed', async () => {
    const { plan, status, llm_response } = await client.call(routes.planV1, { body: { prompt: 'What is 6 * 7?' } });
    assert.deepEqual(
      plan.map(({ kind, name }) => [kind, name]),
      [
        ['model', 'mock'],
        ['tool', 'calculator'],
        ['model', 'mock'],
      ],
    );
    assert.equal(status, 'success');
    assert.match(llm_response ?? '', /42/);
  });

  it('/query goes on with its session', async () => {
    const first = await client.call(routes.query, { body: { message: 'my name is Ada' } });
    const second = await client.call(routes.query, {
      body: { prompt: 'what is my name?', session_id: first.session_id },
    });
    assert.match(second.response ?? '', /Ada/);
    const { messages } = await client.call(routes.getLatestMemory, { query: { session_id: first.session_id } });
    assert.deepEqual(
      messages.map(({ role }) => role),
      ['user', 'assistant', 'user', 'assistant'],
    );
    assert.ok(second.usage.total_tokens > 0);
  });

  it('what was remembered in one session is known in another', async () => {
    await client.call(routes.query, { body: { message: 'remember that the boiler is serviced in March' } });
    const { response } = await client.call(routes.query, { body: { message: 'what do you know about the boiler?' } });
    assert.match(response ?? '', /March/);
    const { matches } = await client.call(routes.recall, { body: { query: 'boiler' } });
    assert.match(matches[0]?.text ?? '', /serviced in March/);
  });

  it('chat answers as JSON with its tool calls, and as a stream in the order of the contract', async () => {
    const answer = await client.call(routes.chat, {
      body: { agent_config_id: 'assistant', message: 'What is 3 * 5?', stream: false },
    });
    assert.deepEqual(
      answer.response.result.tool_calls.map(({ name }) => name),
      ['calculator'],
    );
    const events: RunEvent[] = [];
    for await (const event of client.stream(routes.chat, {
      body: { agent_config_id: 'assistant', message: 'What is 3 * 5?', session_id: answer.session_id },
    }))
      events.push(event);
    const types = events.map(({ type }) => type);
    assert.deepEqual(
      [types[0], types[1], types.at(-2), types.at(-1)],
      ['session_start', 'system', 'result', 'session_end'],
    );
    assert.ok(
      types.indexOf('tool_call') < types.indexOf('tool_result') && types.indexOf('tool_result') < types.indexOf('text'),
    );
    assert.equal(
      events.flatMap((event) => (event.type === 'text' ? event.delta : [])).join(''),
      events.flatMap((event) => (event.type === 'result' ? event.result : [])).join(''),
    );
  });

  it('one trace id goes from the request through the task and the run into the audit log', async () => {
    const response = await post('/execute', { task: 'hello' }, { 'x-trace-id': 'my-trace:1' });
    assert.equal(response.headers.get('x-trace-id'), 'my-trace:1');
    const { run_id } = (await response.json()) as { run_id: string };
    const run = await client.call(routes.getRun, { params: { id: run_id } });
    const { task } = await client.call(routes.getTask, { params: { id: run.task_id } });
    const audit = await reeve.database.db
      .selectFrom('audit')
      .select('action')
      .where('trace_id', '=', 'my-trace:1')
      .orderBy('at')
      .orderBy('id')
      .execute();
    assert.deepEqual([run.trace_id, task.trace_id], ['my-trace:1', 'my-trace:1']);
    assert.deepEqual(
      audit.map(({ action }) => action),
      ['TASK_CREATED', 'PLAN_START', 'PLAN_MODEL_RESPONSE', 'PLAN_END'],
    );
  });

  it('a task put into the queue is worked on and tells its result', async () => {
    const { task } = await client.call(routes.createTask, {
      body: { agent_id: 'assistant', task_type: 'query', title: 'What is 9 * 9?', priority: 3 },
    });
    assert.deepEqual([task.status, task.priority, task.max_attempts], ['pending', 3, 3]);
    const ended = await untilEnded(task.id);
    assert.equal(ended.status, 'completed');
    assert.match(ended.result_summary ?? '', /81/);
    const { runs } = await client.call(routes.listRuns, { query: { task_id: task.id } });
    assert.equal(runs.length, 1);
    const { tasks, total } = await client.call(routes.listTasks, {
      query: { status: 'completed', q: '9 * 9', limit: 1 },
    });
    assert.deepEqual([tasks[0]?.id, total], [task.id, 1]);
    await assert.rejects(client.call(routes.cancelTask, { params: { id: task.id } }), {
      status: 409,
      code: 'conflict',
    });
  });

  it('the same Idempotency-Key starts one run and gives its answer again', async () => {
    const first = await post('/execute', { task: 'What is 1 + 1?' }, { 'idempotency-key': 'k-1' });
    const again = await post('/execute', { task: 'What is 1 + 1?' }, { 'idempotency-key': 'k-1' });
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.deepEqual(await again.json(), await first.json());
    assert.equal((await post('/execute', { task: 'What is 1 + 2?' }, { 'idempotency-key': 'k-1' })).status, 409);

    const chat = () =>
      post(
        '/api/v1/agents/chat',
        { agent_config_id: 'assistant', message: 'What is 2 + 2?' },
        { 'idempotency-key': 'k-2' },
      ).then(eventsOf);
    assert.deepEqual(await chat(), await chat());
  });

  it('an agent of one’s own is used with its prompt and tools only', async () => {
    const agent = await client.call(routes.createAgent, { body: { name: 'Plain', tools: [] } });
    const { response } = await client.call(routes.query, {
      body: { message: 'list my files', agent_config_id: agent.id },
    });
    assert.match(response ?? '', /no tool for it is offered/);
    const sum = await client.call(routes.query, { body: { message: '2+2', agent_config_id: agent.id } });
    assert.equal(sum.response, '2 + 2 = 4.');
    await client.call(routes.deleteAgent, { params: { id: agent.id } });
    await assert.rejects(client.call(routes.query, { body: { message: 'hi', agent_config_id: agent.id } }), {
      status: 400,
      code: 'unknown_agent',
    });
  });

  it('one tool can be called by itself', async () => {
    const outcome = await client.call(routes.executeTool, {
      body: { tool_name: 'run_code', code: '[1, 2, 3].map((x) => x * 2)' },
    });
    assert.equal(outcome.tool_status, 'success');
    await assert.rejects(client.call(routes.executeTool, { body: { tool_name: 'nothing' } }), {
      status: 404,
      code: 'unknown_tool',
    });
  });

  it('every error says what was wrong in the contract’s shape', async () => {
    const response = await post('/api/agents/tasks', {
      agent_id: 'assistant',
      task_type: 'query',
      title: '',
      surprise: true,
    });
    const body = ErrorBody.parse(await response.json());
    assert.deepEqual(
      [response.status, body.code, body.details?.map(({ path }) => path)],
      [400, 'invalid_request', ['title', 'surprise']],
    );
    assert.equal(response.headers.get('x-request-id'), body.request_id);
  });

  async function untilEnded(id: string) {
    for (;;) {
      const { task } = await client.call(routes.getTask, { params: { id } });
      if (task.status !== 'pending' && task.status !== 'in_progress') return task;
      await new Promise((next) => setTimeout(next, 20));
    }
  }
});

async function eventsOf(response: Response): Promise<RunEvent[]> {
  return [...(await response.text()).matchAll(/^data: (\{.*\})$/gm)].map(([, data]) => JSON.parse(data!) as RunEvent);
}

const PROVIDERS = [
  { provider: 'openai', key: 'OPENAI_API_KEY' },
  { provider: 'anthropic', key: 'ANTHROPIC_API_KEY' },
  { provider: 'google', key: 'GOOGLE_GENERATIVE_AI_API_KEY' },
  { provider: 'openai-compatible', key: 'LLM_API_KEY' },
] as const;

for (const { provider, key } of PROVIDERS) {
  describe(`the main road, with ${provider}`, () => {
    it('streams text, calls tools, shows the model their results, counts usage, and says when the provider fails', async () => {
      await using upstream = await startFakeUpstream();
      await using reeve = await startReeve({
        LLM_PROVIDER: provider,
        LLM_MODEL: 'some-model',
        LLM_BASE_URL: upstream.url,
        [key]: 'secret-key-1',
      });
      const client = createClient({ baseUrl: reeve.url });
      upstream.script([
        {
          text: ['I ', 'compute.'],
          toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }],
          usage: { inputTokens: 20, outputTokens: 7 },
        },
        { text: ['It is ', '42.'], usage: { inputTokens: 30, outputTokens: 4 } },
      ]);
      const answer = await client.call(routes.query, { body: { message: 'How much is six times seven?' } });
      assert.equal(answer.response, 'It is 42.');
      assert.deepEqual(answer.usage, { input_tokens: 50, output_tokens: 11, total_tokens: 61, cost_usd: null });
      assert.match(JSON.stringify(upstream.requests[1]?.messages.at(-1)), /42/);

      upstream.script([{ status: 401, message: 'bad key' }]);
      const failed = await client.call(routes.execute, { body: { task: 'again' } }).then(
        () => undefined,
        (error: unknown) => error as { status: number; code: string; message: string },
      );
      assert.deepEqual([failed?.status, failed?.code], [502, 'provider_key_refused']);
      assert.doesNotMatch(failed?.message ?? '', /secret-key-1/);
    });

    it('answers 504 with the run’s id when the model takes too long, and the run goes on and is not started again', async () => {
      await using upstream = await startFakeUpstream();
      await using reeve = await startReeve({
        LLM_PROVIDER: provider,
        LLM_MODEL: 'some-model',
        LLM_BASE_URL: upstream.url,
        [key]: 'secret-key-1',
      });
      const client = createClient({ baseUrl: reeve.url });
      upstream.script([{ text: ['slow'], delayMs: 1_500 }]);
      const ask = () =>
        client
          .call(routes.execute, { body: { task: 'slowly', timeout_ms: 600 }, headers: { 'idempotency-key': 'slow' } })
          .then(
            () => undefined,
            (error: unknown) => error as { status: number; runId: string },
          );
      const late = await ask();
      assert.equal(late?.status, 504);
      assert.equal((await ask())?.runId, late?.runId);
      const events: RunEvent[] = [];
      for await (const event of client.followRun(late!.runId)) events.push(event);
      assert.equal(events.find((event) => event.type === 'result')?.result, 'slow');
    });
  });
}
