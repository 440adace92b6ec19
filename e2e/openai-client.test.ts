import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { newId } from '@reeve/kit';
import OpenAI, { BadRequestError, APIError, AuthenticationError, NotFoundError } from 'openai';
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

const WORDS = Array.from({ length: 30 }, (_, index) => `word${index} `);
const AGENT = 'agent/assistant';
const user = (content: string) => ({ role: 'user' as const, content });
const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'The weather of a town.',
    parameters: { type: 'object', properties: { town: { type: 'string' } } },
  },
};

describe('the official OpenAI client', { timeout: 300_000 }, () => {
  let upstream: FakeUpstream;
  let reeve: Reeve;
  let openai: OpenAI;
  before(async () => {
    upstream = await startFakeUpstream();
    reeve = await startReeve({
      ...upstream.environment,
      REEVE_API_KEY: 'rv_administrator',
      REEVE_INTERNAL_SECRET: 'internal-secret',
    });
    openai = clientWith();
  });
  beforeEach(() => upstream.reset());
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  function clientWith(options: ConstructorParameters<typeof OpenAI>[0] = {}): OpenAI {
    return new OpenAI({ baseURL: `${reeve.url}/v1`, apiKey: 'rv_administrator', maxRetries: 0, ...options });
  }
  /** Somebody of another tenant. */
  function stranger(): OpenAI {
    return clientWith({
      defaultHeaders: {
        'x-internal-service': 'true',
        'x-internal-service-secret': 'internal-secret',
        'x-tenant-id': 'another',
      },
    });
  }
  const ours = () => createClient({ baseUrl: reeve.url, apiKey: 'rv_administrator' });
  const runOf = (id: string) => ours().call(routes.getRun, { params: { id } });

  async function readAll<T>(stream: AsyncIterable<T>): Promise<T[]> {
    const all: T[] = [];
    for await (const each of stream) all.push(each);
    return all;
  }
  const contentOf = (chunks: readonly ChatCompletionChunk[]) =>
    chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');

  /** Waits until the run has ended, and says how. */
  async function ended(runId: string): Promise<string> {
    for await (const event of ours().followRun(runId)) if (event.type === 'session_end') return event.status;
    throw new Error('the run has no end');
  }

  describe('chat.completions with a plain model', () => {
    it('gets an answer with usage, and the model is told what the caller said', async () => {
      upstream.script([{ text: ['Hello ', 'there.'], usage: { inputTokens: 20, outputTokens: 3 } }]);
      const answer = await openai.chat.completions.create({
        model: 'fake',
        messages: [
          { role: 'system', content: 'Be short.' },
          {
            role: 'developer',
            content: [
              { type: 'text', text: 'And ' },
              { type: 'text', text: 'kind.' },
            ],
          },
          user('Hi'),
          { role: 'assistant', content: 'Yes?' },
          user('Greet me'),
        ],
        max_completion_tokens: 99,
      });
      assert.equal(answer.choices[0]?.message.content, 'Hello there.');
      assert.deepEqual(
        [answer.object, answer.model, answer.choices[0]?.finish_reason],
        ['chat.completion', 'fake', 'stop'],
      );
      assert.deepEqual(
        [answer.usage?.prompt_tokens, answer.usage?.completion_tokens, answer.usage?.total_tokens],
        [20, 3, 23],
      );
      assert.equal(answer.usage?.prompt_tokens_details?.cached_tokens, 0);
      assert.deepEqual(
        upstream.requests[0]?.messages.map(({ role, text }) => [role, text]),
        [
          ['system', 'Be short.'],
          ['system', 'And kind.'],
          ['user', 'Hi'],
          ['assistant', 'Yes?'],
          ['user', 'Greet me'],
        ],
      );
      assert.equal(upstream.requests[0]?.body['max_tokens'] ?? upstream.requests[0]?.body['max_completion_tokens'], 99);
    });

    it('streams, with reasoning and usage at the end', async () => {
      upstream.script([{ thinking: ['hm'], text: ['a', 'b', 'c'] }]);
      const stream = await openai.chat.completions.create({
        model: 'fake',
        messages: [user('go')],
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = await readAll(stream);
      assert.equal(contentOf(chunks), 'abc');
      assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant');
      assert.equal(
        chunks
          .map(({ choices }) => (choices[0]?.delta as { reasoning_content?: string })?.reasoning_content ?? '')
          .join(''),
        'hm',
      );
      assert.deepEqual([chunks.at(-1)?.choices, chunks.at(-1)?.usage?.total_tokens], [[], 18]);
      assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'stop');
      assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
    });

    it('calls the caller’s tool, and goes on with its result', async () => {
      upstream.script([{ toolCalls: [{ name: 'weather', input: { town: 'Ulm' } }] }, { text: ['Rain.'] }]);
      const asked = [user('Weather in Ulm?')];
      const first = await openai.chat.completions.create({ model: 'fake', messages: asked, tools: [WEATHER] });
      const [choice] = first.choices;
      const call = choice?.message.tool_calls?.[0];
      assert.equal(choice?.finish_reason, 'tool_calls');
      assert.equal(choice?.message.content, null);
      assert.ok(call?.type === 'function');
      assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['weather', { town: 'Ulm' }]);
      const second = await openai.chat.completions.create({
        model: 'fake',
        messages: [...asked, choice!.message, { role: 'tool', tool_call_id: call.id, content: '{"sky":"rain"}' }],
        tools: [WEATHER],
      });
      assert.equal(second.choices[0]?.message.content, 'Rain.');
      assert.deepEqual(upstream.requests[0]?.tools, ['weather']);
      assert.deepEqual(
        upstream.requests[1]?.messages.map(({ role, text, toolCalls }) => [role, text, ...toolCalls]),
        [
          ['user', 'Weather in Ulm?'],
          ['assistant', '', 'weather'],
          ['tool', '{"sky":"rain"}'],
        ],
      );
    });

    it('streams tool calls with their index, as its own accumulator expects them', async () => {
      upstream.script([
        {
          toolCalls: [
            { name: 'weather', input: { town: 'Ulm' } },
            { name: 'weather', input: { town: 'Bonn' } },
          ],
        },
      ]);
      const stream = openai.chat.completions.stream({ model: 'fake', messages: [user('both')], tools: [WEATHER] });
      const { choices } = await stream.finalChatCompletion();
      assert.deepEqual(
        choices[0]?.message.tool_calls?.map((call) => call.type === 'function' && call.function.arguments),
        ['{"town":"Ulm"}', '{"town":"Bonn"}'],
      );
      assert.equal(choices[0]?.finish_reason, 'tool_calls');
    });

    it('that goes away in mid-stream aborts the call of the model', async () => {
      upstream.script([{ text: WORDS, pauseMs: 50 }]);
      const stream = await openai.chat.completions.create({ model: 'fake', messages: [user('go')], stream: true });
      for await (const chunk of stream) if (contentOf([chunk]) !== '') break;
      while (upstream.open > 0) await new Promise((next) => setTimeout(next, 20));
    });

    it('has its own words handed on, pictures and penalties too', async () => {
      upstream.script([{ text: ['A cat.'] }]);
      const content = [
        { type: 'text' as const, text: 'What is it?' },
        { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AA==', detail: 'low' as const } },
      ];
      const more = { presence_penalty: 1, frequency_penalty: -1, logit_bias: { '50256': -100 } };
      await openai.chat.completions.create({ model: 'fake', messages: [{ role: 'user', content }], ...more });
      const { messages, ...sent } = upstream.requests[0]!.body;
      assert.deepEqual(messages, [{ role: 'user', content }]);
      assert.deepEqual(sent, { model: 'fake', max_tokens: 8_192, ...more });
    });

    it('is not told of the usage of a stream unless it asks', async () => {
      upstream.respond(() => ({ text: ['a', 'b'] }));
      const ask = { model: 'fake', messages: [user('go')], stream: true as const };
      const chunks = await readAll(await openai.chat.completions.create(ask));
      assert.equal(contentOf(chunks), 'ab');
      assert.ok(chunks.every(({ choices, usage }) => choices.length === 1 && !usage));
      upstream.respond(() => ({ text: ['a', 'b'], usage: null }));
      const wanted = { ...ask, stream_options: { include_usage: true } };
      const estimated = await readAll(await openai.chat.completions.create(wanted));
      assert.equal(estimated.at(-1)?.usage?.completion_tokens, 1);
    });

    it('is refused once its budget is spent, and the provider is not asked', async () => {
      upstream.respond(() => ({ text: ['ok'] }));
      const budget = { scope: 'tenant' as const, limit_tokens: 0 };
      await ours().call(routes.putBudget, { body: budget });
      for (const stream of [false, true])
        await assert.rejects(
          openai.chat.completions.create({ model: 'fake', messages: [user('go')], stream }),
          (error: unknown) => error instanceof APIError && error.status === 402 && error.code === 'budget_exhausted',
        );
      await ours().call(routes.putBudget, { body: { ...budget, limit_tokens: null } });
      assert.equal(upstream.requests.length, 0);
    });

    it('repeats an answer under one Idempotency-Key', async () => {
      upstream.script([{ text: ['once'] }]);
      const key = { headers: { 'idempotency-key': newId() } };
      const ask = () => openai.chat.completions.create({ model: 'fake', messages: [user('go')] }, key);
      const first = await ask();
      assert.deepEqual(await ask(), first);
      assert.equal(first.choices[0]?.message.content, 'once');
    });

    it('gets errors of its own classes, before the stream and inside of it', async () => {
      upstream.script([{ fault: 'http-400', message: 'too strange' }]);
      await assert.rejects(
        openai.chat.completions.create({ model: 'fake', messages: [user('go')], stream: true }),
        (error: unknown) => error instanceof BadRequestError && /too strange/.test(error.message),
      );
      upstream.script([{ text: WORDS, fault: 'cut' }]);
      const stream = await openai.chat.completions.create({ model: 'fake', messages: [user('go')], stream: true });
      await assert.rejects(
        readAll(stream),
        (error: unknown) => error instanceof APIError && error.type === 'server_error',
      );
    });

    it('is refused what cannot be done, by the field', async () => {
      const asking = (more: object) =>
        openai.chat.completions.create({ model: 'fake', messages: [user('go')], ...more } as never);
      const image = {
        role: 'user',
        content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }],
      };
      for (const [more, param] of [
        [{ n: 2 }, 'n'],
        [{ messages: [{ ...image, role: 'assistant' }] }, 'messages.0.content.0.type'],
        [{ model: AGENT, messages: [image] }, 'messages.0.content.0.image_url'],
        [{ messages: [user('go'), { role: 'tool', tool_call_id: 'x', content: '' }] }, 'messages.1.tool_call_id'],
        [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, 'tools.0.type'],
        [{ response_format: { type: 'yaml' } }, 'response_format.type'],
        [{ temperature: 9 }, 'temperature'],
        [{ messages: [] }, 'messages'],
        [{ logprobs: true }, 'logprobs'],
      ] as const)
        await assert.rejects(
          asking(more),
          (error: unknown) =>
            error instanceof BadRequestError && error.param === param && error.type === 'invalid_request_error',
          param,
        );
      assert.equal(upstream.requests.length, 0);
      await assert.rejects(clientWith({ apiKey: 'rv_wrong_key' }).models.list(), AuthenticationError);
    });

    it('ignores fields that it does not know', async () => {
      upstream.script([{ text: ['ok'] }]);
      const more = { user: 'ada', logit_bias: { '1': 2 }, service_tier: 'auto', prompt_cache_key: 'x' } as const;
      const answer = await openai.chat.completions.create({ model: 'fake', messages: [user('go')], ...more });
      assert.equal(answer.choices[0]?.message.content, 'ok');
    });
  });

  describe('chat.completions with an agent', () => {
    it('gets the answer of a run, which its headers name', async () => {
      upstream.script([{ text: ['done'] }]);
      const { data, response } = await openai.chat.completions
        .create({ model: AGENT, messages: [user('do it')] })
        .withResponse();
      assert.equal(data.choices[0]?.message.content, 'done');
      assert.equal(data.model, AGENT);
      const run = await runOf(response.headers.get('x-run-id')!);
      assert.deepEqual([run.door, run.status, run.input], ['chat_completions', 'completed', 'do it']);
      assert.equal(response.headers.get('x-session-id'), run.session_id);
      assert.equal(response.headers.get('x-trace-id'), run.trace_id);
      assert.equal(data.id, `chatcmpl-${run.id.replaceAll('-', '')}`);
    });

    it('streams what the agent says; what it calls by itself is not shown as the caller’s to answer', async () => {
      upstream.script([
        { text: ['I calculate.'], toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
        { text: ['It is ', '42.'] },
      ]);
      const stream = await openai.chat.completions.create({
        model: AGENT,
        messages: [user('6 * 7?')],
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = await readAll(stream);
      assert.equal(contentOf(chunks), 'I calculate.\n\nIt is 42.');
      assert.ok(chunks.every(({ choices }) => choices[0]?.delta.tool_calls === undefined));
      assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'stop');
      assert.ok(chunks.at(-1)!.usage!.total_tokens > 0);
    });

    it('sends the conversation along, or names it', async () => {
      upstream.respond(() => ({ text: ['yes'] }));
      await openai.chat.completions.create({
        model: AGENT,
        messages: [user('My dog is Rex.'), { role: 'assistant', content: 'Noted.' }, user('And my cat Tom.')],
      });
      const said = (index: number) =>
        upstream.requests[index]?.messages.filter(({ role }) => role !== 'system').map(({ text }) => text);
      assert.deepEqual(said(0), ['My dog is Rex.', 'Noted.', 'And my cat Tom.']);
      const named = { headers: { 'x-session-id': 'the pets of ada' } };
      await openai.chat.completions.create({ model: AGENT, messages: [user('one')] }, named);
      const third = await openai.chat.completions.create({
        model: AGENT,
        messages: [user('forgotten'), user('two')],
        metadata: { session_id: 'the pets of ada' },
      });
      assert.equal(third.choices[0]?.message.content, 'yes');
      assert.deepEqual(said(2), ['one', 'yes', 'two']);
    });

    it('that leaves in the middle changes nothing: the run completes', async () => {
      upstream.script([{ text: WORDS, pauseMs: 20 }]);
      const { data, response } = await openai.chat.completions
        .create({ model: AGENT, messages: [user('go on')], stream: true })
        .withResponse();
      for await (const chunk of data) if (contentOf([chunk]) !== '') break;
      const runId = response.headers.get('x-run-id')!;
      assert.equal(await ended(runId), 'completed');
      assert.equal((await runOf(runId)).result, WORDS.join(''));
    });

    it('gets the run’s own failure, in the middle of a stream too', async () => {
      upstream.respond(() => ({ fault: 'http-401', message: 'no such key' }));
      await assert.rejects(
        openai.chat.completions.create({ model: AGENT, messages: [user('go')] }),
        (error: unknown) => error instanceof APIError && error.status === 502,
      );
      const stream = await openai.chat.completions.create({ model: AGENT, messages: [user('go')], stream: true });
      await assert.rejects(readAll(stream), (error: unknown) => error instanceof APIError && /401/.test(error.message));
    });

    it('that waits too long is told, and does not start the run again by itself', async () => {
      upstream.respond(() => ({ text: WORDS, pauseMs: 40 }));
      const patient = clientWith({ maxRetries: 2 });
      const body = { model: AGENT, messages: [user('slow')], timeout_ms: 50 };
      const error = await patient.chat.completions.create(body).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof APIError && error.status === 504);
      const { runs } = await ours().call(routes.listRuns, { query: { limit: 200 } });
      const slow = runs.filter(({ input }) => input === 'slow');
      assert.equal(slow.length, 1);
      assert.equal(await ended(slow[0]!.id), 'completed');
    });

    it('repeats an answer and a stream under one Idempotency-Key', async () => {
      upstream.script([{ text: ['once'] }, { text: ['streamed ', 'once'] }]);
      const key = { headers: { 'idempotency-key': newId() } };
      const ask = () => openai.chat.completions.create({ model: AGENT, messages: [user('go')] }, key);
      assert.deepEqual(await ask(), await ask());
      const other = { headers: { 'idempotency-key': newId() } };
      const stream = async () =>
        readAll(await openai.chat.completions.create({ model: AGENT, messages: [user('go')], stream: true }, other));
      const first = await stream();
      assert.deepEqual(await stream(), first);
      assert.equal(contentOf(first), 'streamed once');
      assert.equal(upstream.requests.length, 2);
    });

    it('is refused a busy conversation, or interrupts it, as it asks to', async () => {
      upstream.script([{ text: WORDS, fault: 'hang' }, { text: ['now'] }]);
      const ask = (content: string, multitask: string) =>
        ({ model: AGENT, messages: [user(content)], session_id: 'a busy one', multitask }) as never;
      const first = openai.chat.completions.stream(ask('go on', 'enqueue'));
      first.on('error', () => {});
      const failed = assert.rejects(first.finalContent(), APIError);
      await new Promise<void>((resolve) => void first.once('content', () => resolve()));
      await assert.rejects(
        openai.chat.completions.create(ask('me', 'reject')),
        (error: unknown) => error instanceof APIError && error.status === 409,
      );
      const second = await openai.chat.completions.create(ask('stop, me', 'interrupt'));
      assert.equal(second.choices[0]?.message.content, 'now');
      await failed;
    });

    it('is refused tools of a name that the agent has, agents that are not there, and sessions of others', async () => {
      const calculator = { ...WEATHER, function: { ...WEATHER.function, name: 'calculator' } };
      await assert.rejects(
        openai.chat.completions.create({ model: AGENT, messages: [user('go')], tools: [calculator] }),
        (error: unknown) => error instanceof BadRequestError && error.param === 'tools.0.function.name',
      );
      await assert.rejects(
        openai.chat.completions.create({ model: 'agent/nobody', messages: [user('go')] }),
        (error: unknown) => error instanceof NotFoundError && error.code === 'model_not_found',
      );
      await assert.rejects(
        openai.chat.completions.create({ model: AGENT, messages: [{ role: 'assistant', content: 'me' }] }),
        BadRequestError,
      );
      upstream.script([{ text: ['mine'] }]);
      const { response } = await openai.chat.completions
        .create({ model: AGENT, messages: [user('go')] })
        .withResponse();
      const session_id = response.headers.get('x-session-id')!;
      await assert.rejects(
        stranger().chat.completions.create({ model: AGENT, messages: [user('go')], metadata: { session_id } }),
        NotFoundError,
      );
    });
  });

  describe('models', () => {
    it('are those that are known by name and the agents', async () => {
      const all = await readAll(openai.models.list());
      assert.ok(all.some(({ id, owned_by }) => id === AGENT && owned_by === 'reeve'));
      assert.equal((await openai.models.retrieve(AGENT)).id, AGENT);
      const plain = all.find(({ id }) => !id.startsWith('agent/'))!;
      for (const name of [plain.id, 'fake']) assert.deepEqual(await openai.models.retrieve(name), plain);
      await assert.rejects(openai.models.retrieve('nothing'), NotFoundError);
      await assert.rejects(
        openai.models.retrieve('agent/nobody'),
        (error: unknown) => error instanceof NotFoundError && error.code === 'model_not_found',
      );
      const unescaped = await fetch(`${reeve.url}/v1/models/${AGENT}`, {
        headers: { authorization: 'Bearer rv_administrator' },
      });
      assert.equal(((await unescaped.json()) as { id: string }).id, AGENT);
    });
  });

  describe('responses with an agent', () => {
    it('gets an answer, which can be read again by its id, by its own tenant', async () => {
      upstream.script([{ text: ['done'], thinking: ['hm'] }]);
      const response = await openai.responses.create({
        model: AGENT,
        input: 'do it',
        instructions: 'Be brief.',
        metadata: { job: '7' },
      });
      assert.deepEqual([response.status, response.output_text, response.model], ['completed', 'done', AGENT]);
      assert.deepEqual(
        response.output.map(({ type }) => type),
        ['reasoning', 'message'],
      );
      assert.deepEqual([response.metadata, response.instructions], [{ job: '7' }, 'Be brief.']);
      assert.ok(response.usage!.total_tokens > 0);
      assert.deepEqual(await openai.responses.retrieve(response.id), response);
      await assert.rejects(stranger().responses.retrieve(response.id), NotFoundError);
      await assert.rejects(openai.responses.retrieve(`resp_${newId().replaceAll('-', '')}`), NotFoundError);
      await assert.rejects(openai.responses.retrieve('resp_x'), NotFoundError);
    });

    it('streams items that its accumulator takes, the agent’s own calls included', async () => {
      upstream.script([
        { text: ['I calculate.'], toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] },
        { text: ['It is ', '42.'] },
      ]);
      const stream = openai.responses.stream({ model: AGENT, input: '6 * 7?' });
      const events = await readAll(stream);
      assert.deepEqual(
        events.map(({ sequence_number }) => sequence_number),
        events.map((_, index) => index),
      );
      const types = events.map(({ type }) => type as string);
      assert.deepEqual(types.slice(0, 2), ['response.created', 'response.in_progress']);
      assert.equal(types.at(-1), 'response.completed');
      for (const type of [
        'response.output_item.added',
        'response.content_part.added',
        'response.output_text.delta',
        'response.output_text.done',
        'response.content_part.done',
        'response.mcp_call.in_progress',
        'response.mcp_call.completed',
        'response.output_item.done',
      ])
        assert.ok(types.includes(type), type);
      const final = await stream.finalResponse();
      assert.deepEqual(
        final.output.map(({ type }) => type),
        ['message', 'mcp_call', 'message'],
      );
      const call = final.output[1];
      assert.ok(call?.type === 'mcp_call');
      assert.deepEqual(
        [call.name, call.status, JSON.parse(call.arguments)],
        ['calculator', 'completed', { expression: '6 * 7' }],
      );
      assert.match(call.output!, /42/);
    });

    it('works in the background, is streamed from any number on, and the numbers never change', async () => {
      upstream.script([{ text: WORDS, pauseMs: 60 }]);
      const begun = await openai.responses.create({ model: AGENT, input: 'go on', background: true });
      assert.ok(['queued', 'in_progress'].includes(begun.status!), begun.status);
      assert.equal(begun.background, true);
      const live = [];
      for await (const event of await openai.responses.retrieve(begun.id, { stream: true })) {
        live.push(event);
        if (event.type === 'response.output_text.delta') break;
      }
      const last = live.at(-1)!.sequence_number;
      const rest = await readAll(await openai.responses.retrieve(begun.id, { stream: true, starting_after: last }));
      assert.equal(rest[0]?.sequence_number, last + 1);
      const again = await readAll(await openai.responses.retrieve(begun.id, { stream: true }));
      assert.deepEqual([...live, ...rest], again);
      const whole = await openai.responses.retrieve(begun.id);
      assert.deepEqual([whole.status, whole.output_text], ['completed', WORDS.join('')]);
    });

    it('is cancelled once and for all', async () => {
      upstream.script([{ text: WORDS, fault: 'hang' }]);
      const begun = await openai.responses.create({ model: AGENT, input: 'go on', background: true });
      for await (const event of await openai.responses.retrieve(begun.id, { stream: true }))
        if (event.type === 'response.output_text.delta') break;
      assert.equal((await openai.responses.cancel(begun.id)).status, 'cancelled');
      assert.equal((await openai.responses.cancel(begun.id)).status, 'cancelled');
      assert.equal((await openai.responses.retrieve(begun.id)).status, 'cancelled');
      await assert.rejects(stranger().responses.cancel(begun.id), NotFoundError);
    });

    it('goes on from a previous response', async () => {
      upstream.respond(() => ({ text: ['yes'] }));
      const first = await openai.responses.create({ model: AGENT, input: 'My dog is Rex.' });
      const second = await openai.responses.create({
        model: AGENT,
        input: [{ role: 'user', content: [{ type: 'input_text', text: 'Who?' }] }],
        previous_response_id: first.id,
      });
      assert.equal(second.previous_response_id, first.id);
      assert.deepEqual(
        upstream.requests[1]?.messages.filter(({ role }) => role !== 'system').map(({ text }) => text),
        ['My dog is Rex.', 'yes', 'Who?'],
      );
      await assert.rejects(
        openai.responses.create({ model: 'fake', input: 'x', previous_response_id: first.id }),
        BadRequestError,
      );
      await assert.rejects(
        stranger().responses.create({ model: AGENT, input: 'x', previous_response_id: first.id }),
        NotFoundError,
      );
    });

    it('tells of a failed run as a failed response', async () => {
      upstream.respond(() => ({ fault: 'http-401', message: 'no such key' }));
      const failed = await openai.responses.create({ model: AGENT, input: 'go' });
      assert.equal(failed.status, 'failed');
      assert.match(failed.error!.message, /401/);
      const events = await readAll(await openai.responses.create({ model: AGENT, input: 'go', stream: true }));
      assert.equal(events.at(-1)?.type, 'response.failed');
    });
  });

  describe('responses with a plain model', () => {
    it('keeps answers, goes on from them, and forgets what it is told not to store', async () => {
      upstream.respond(() => ({ text: ['yes'] }));
      const first = await openai.responses.create({
        model: 'fake',
        input: 'My dog is Rex.',
        instructions: 'Be brief.',
      });
      assert.equal(first.output_text, 'yes');
      assert.deepEqual(await openai.responses.retrieve(first.id), first);
      const second = await openai.responses.create({ model: 'fake', input: 'Who?', previous_response_id: first.id });
      const third = await openai.responses.create({
        model: 'fake',
        input: 'Sure?',
        previous_response_id: second.id,
        store: false,
      });
      assert.deepEqual(
        upstream.requests[2]?.messages.map(({ text }) => text),
        ['My dog is Rex.', 'yes', 'Who?', 'yes', 'Sure?'],
      );
      await assert.rejects(openai.responses.retrieve(third.id), NotFoundError);
      await assert.rejects(stranger().responses.retrieve(first.id), NotFoundError);
      await assert.rejects(
        openai.responses.create({ model: 'fake', input: 'x', previous_response_id: third.id }),
        (error: unknown) => error instanceof NotFoundError && error.param === 'previous_response_id',
      );
      await assert.rejects(
        openai.responses.create({ model: AGENT, input: 'x', previous_response_id: first.id }),
        BadRequestError,
      );
      assert.equal((await openai.responses.cancel(first.id)).status, 'completed');
    });

    it('streams, and calls the caller’s tools over several responses', async () => {
      upstream.script([{ toolCalls: [{ name: 'weather', input: { town: 'Ulm' } }] }, { text: ['Rain', '.'] }]);
      const tools = [{ type: 'function' as const, strict: null, ...WEATHER.function }];
      const stream = openai.responses.stream({ model: 'fake', input: 'Weather?', tools });
      const types = (await readAll(stream)).map(({ type }) => type as string);
      assert.ok(types.includes('response.function_call_arguments.delta'));
      assert.ok(types.includes('response.function_call_arguments.done'));
      const first = await stream.finalResponse();
      const [call] = first.output;
      assert.ok(call?.type === 'function_call');
      assert.deepEqual([call.name, call.arguments], ['weather', '{"town":"Ulm"}']);
      const second = await openai.responses.create({
        model: 'fake',
        previous_response_id: first.id,
        input: [{ type: 'function_call_output', call_id: call.call_id, output: 'rain' }],
        tools,
      });
      assert.equal(second.output_text, 'Rain.');
      assert.deepEqual(
        upstream.requests[1]?.messages.map(({ role, text, toolCalls }) => [role, text, ...toolCalls]),
        [
          ['user', 'Weather?'],
          ['assistant', '', 'weather'],
          ['tool', 'rain'],
        ],
      );
    });

    it('says that an answer was cut short, and that one failed in the middle', async () => {
      upstream.script([{ text: ['long'], finish: 'length' }]);
      const short = await openai.responses.create({ model: 'fake', input: 'x', max_output_tokens: 1 });
      assert.deepEqual([short.status, short.incomplete_details], ['incomplete', { reason: 'max_output_tokens' }]);
      upstream.script([{ text: WORDS, fault: 'cut' }]);
      const events = await readAll(await openai.responses.create({ model: 'fake', input: 'x', stream: true }));
      assert.equal(events.at(-1)?.type, 'response.failed');
    });

    it('is refused the background, conversations, and what cannot be read', async () => {
      for (const [more, param] of [
        [{ background: true }, 'background'],
        [{ conversation: 'conv_1' }, 'conversation'],
        [{ input: [{ type: 'item_reference', id: 'x' }] }, 'input.0.type'],
        [
          { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] },
          'input.0.content.0.image_url',
        ],
        [{ tools: [{ type: 'web_search' }] }, 'tools.0.type'],
      ] as const)
        await assert.rejects(
          openai.responses.create({ model: 'fake', input: 'x', ...more } as never),
          (error: unknown) => error instanceof BadRequestError && error.param === param,
          param,
        );
      assert.equal(upstream.requests.length, 0);
    });
  });
});
