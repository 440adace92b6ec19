import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import OpenAI, { BadRequestError, ConflictError } from 'openai';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
import type { Response, ResponseInput } from 'openai/resources/responses/responses';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

const AGENT = 'agent/assistant';
const WEATHER: ChatCompletionTool = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a town.',
    parameters: { type: 'object', properties: { town: { type: 'string' } } },
  },
};
const forecast = (town: string) => ({ name: 'weather', input: { town } });
const sum = (expression: string) => ({ name: 'calculator', input: { expression } });
const user = (content: string) => ({ role: 'user' as const, content });
const tool = (tool_call_id: string, content: string) => ({ role: 'tool' as const, tool_call_id, content });

/** A server in development mode, whose clients send a key that means nothing. */
describe('tools of the caller at an agent', { timeout: 300_000 }, () => {
  let upstream: FakeUpstream;
  let reeve: Reeve;
  let openai: OpenAI;
  before(async () => {
    upstream = await startFakeUpstream();
    reeve = await startReeve(upstream.environment);
    openai = new OpenAI({ baseURL: `${reeve.url}/v1`, apiKey: 'none', maxRetries: 0 });
  });
  beforeEach(() => upstream.reset());
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  const ours = () => createClient({ baseUrl: reeve.url });
  const newest = async () => (await ours().call(routes.listRuns, { query: { limit: 1 } })).runs[0]!;
  const total = async () => (await ours().call(routes.listRuns, { query: { limit: 1 } })).total;
  const toldOf = (index: number) => upstream.requests[index]!.messages.map(({ role, text }) => [role, text]);

  describe('over chat.completions', () => {
    const ask = (messages: ChatCompletionMessageParam[], more: object = {}) =>
      openai.chat.completions.create({ model: AGENT, messages, tools: [WEATHER], ...more });

    it('end the answer with the call, and the result carries the same run on', async () => {
      upstream.script([{ text: ['I look.'], toolCalls: [forecast('Oslo')] }, { text: ['Rain.'] }]);
      const first = await ask([user('weather?')]);
      const [choice] = first.choices;
      const call = choice!.message.tool_calls![0]!;
      assert.ok(call.type === 'function');
      assert.deepEqual(
        [choice!.finish_reason, choice!.message.content, call.function.name, JSON.parse(call.function.arguments)],
        ['tool_calls', 'I look.', 'weather', { town: 'Oslo' }],
      );
      assert.ok(first.usage!.total_tokens > 0);
      const waiting = await newest();
      assert.deepEqual([waiting.status, waiting.waiting_for], ['queued', 'caller']);
      const { task } = await ours().call(routes.getTask, { params: { id: waiting.task_id } });
      assert.deepEqual([task.status, task.waiting_for], ['pending', 'caller']);
      const before = await total();
      const second = await ask([user('weather?'), choice!.message, tool(call.id, '{"sky":"rain"}')]);
      assert.deepEqual([second.choices[0]!.message.content, second.choices[0]!.finish_reason], ['Rain.', 'stop']);
      assert.notEqual(second.id, first.id);
      const ended = await newest();
      assert.deepEqual([ended.id, ended.status, await total()], [waiting.id, 'completed', before]);
      assert.deepEqual(
        toldOf(1)
          .slice(-2)
          .map(([role]) => role),
        ['assistant', 'tool'],
      );
      const names = (upstream.requests[0]!.body['tools'] as { function: { name: string } }[]).map(
        ({ function: { name } }) => name,
      );
      assert.ok(names.includes('weather') && names.includes('calculator'), names.join());
      const tokens = (first.usage?.total_tokens ?? 0) + (second.usage?.total_tokens ?? 0);
      assert.equal(tokens, ended.usage.total_tokens, 'each answer tells its own share');
    });

    it('are streamed, in a turn with calls of the agent’s own', async () => {
      upstream.script([
        { text: ['Both.'], toolCalls: [sum('6 * 7'), forecast('Oslo'), forecast('Bergen')] },
        { text: ['42, ', 'rain and sun.'] },
      ]);
      const stream = openai.chat.completions.stream({
        model: AGENT,
        messages: [user('both')],
        tools: [WEATHER],
        stream_options: { include_usage: true },
      });
      const message = await stream.finalMessage();
      const calls = message.tool_calls ?? [];
      assert.deepEqual(
        calls.map((call) => call.type === 'function' && [call.function.name, call.function.arguments]),
        [
          ['weather', '{"town":"Oslo"}'],
          ['weather', '{"town":"Bergen"}'],
        ],
        'the agent’s own call is not the caller’s',
      );
      assert.equal((await stream.finalChatCompletion()).choices[0]?.finish_reason, 'tool_calls');
      const more = openai.chat.completions.stream({
        model: AGENT,
        messages: [user('both'), message, tool(calls[1]!.id, 'sun'), tool(calls[0]!.id, 'rain')],
        tools: [WEATHER],
      });
      assert.equal((await more.finalMessage()).content, '42, rain and sun.');
      assert.deepEqual(
        toldOf(1)
          .filter(([role]) => role === 'tool')
          .map(([, text]) => text),
        [toldOf(1).find(([, text]) => String(text).includes('42'))![1], 'rain', 'sun'],
      );
      assert.equal(upstream.requests.length, 2);
    });

    it('may be answered one after another: what is left is asked for again', async () => {
      upstream.script([{ toolCalls: [forecast('Oslo'), forecast('Bergen')] }, { text: ['Done.'] }]);
      const { message } = (await ask([user('both')])).choices[0]!;
      const [oslo, bergen] = message.tool_calls!;
      const between = (await ask([user('both'), message, tool(oslo!.id, 'rain')])).choices[0]!;
      assert.deepEqual(
        [between.finish_reason, between.message.tool_calls?.map(({ id }) => id)],
        ['tool_calls', [bergen!.id]],
      );
      const last = await ask([user('both'), message, tool(oslo!.id, 'snow'), tool(bergen!.id, 'sun')]);
      assert.equal(last.choices[0]!.message.content, 'Done.');
      assert.match(JSON.stringify(toldOf(1)), /rain.*sun/);
    });

    it('are answered twice with the same answer, which changes nothing', async () => {
      upstream.script([{ toolCalls: [forecast('Oslo')] }, { text: ['Rain.'] }]);
      const { message } = (await ask([user('weather?')])).choices[0]!;
      const given = [user('weather?'), message, tool(message.tool_calls![0]!.id, 'rain')];
      const before = await total();
      const [one, two] = [await ask(given), await ask(given)];
      assert.deepEqual(two, one);
      const streamed = await openai.chat.completions.stream({ model: AGENT, messages: given }).finalMessage();
      assert.equal(streamed.content, 'Rain.');
      assert.deepEqual([upstream.requests.length, await total()], [2, before]);
    });

    it('refuse results that nothing waits for, and words while a result is waited for', async () => {
      upstream.script([{ toolCalls: [forecast('Oslo')] }, { text: ['Hello.'] }]);
      const { message } = (await ask([user('weather?')], { session_id: 'a talk' })).choices[0]!;
      const foreign = { ...message, tool_calls: [{ ...message.tool_calls![0]!, id: 'call_1' }] };
      await assert.rejects(ask([user('weather?'), foreign, tool('call_1', 'rain')]), BadRequestError);
      await assert.rejects(ask([user('weather?'), message, user('never mind')]), ConflictError);
      await assert.rejects(ask([user('hello?')], { session_id: 'a talk' }), ConflictError);
      const run = await newest();
      assert.equal(run.waiting_for, 'caller');
      const hello = await ask([user('hello?')], { session_id: 'a talk', multitask: 'interrupt' });
      assert.equal(hello.choices[0]!.message.content, 'Hello.');
      assert.equal((await ours().call(routes.getRun, { params: { id: run.id } })).status, 'cancelled');
    });

    it('are refused where they bear a name of the agent’s, are chosen and not there, or are of a kind of their own', async () => {
      const refused = async (tools: unknown[], param: string, more: object = {}) =>
        assert.rejects(ask([user('go')], { tools, ...more }), (error) => {
          assert.ok(error instanceof BadRequestError);
          assert.equal(error.param, param);
          return true;
        });
      await refused([{ type: 'function', function: { name: 'calculator' } }], 'tools.0.function.name');
      await refused([WEATHER, WEATHER], 'tools.1.function.name');
      await refused([{ type: 'web_search' }], 'tools.0.type');
      const choice = { type: 'function', function: { name: 'lights' } };
      await refused([WEATHER], 'tool_choice', { tool_choice: choice });
    });

    it('are not offered where none is to be called, and demanded where one is', async () => {
      upstream.script([{ text: ['No.'] }, { toolCalls: [forecast('Oslo')] }]);
      await ask([user('go')], { tool_choice: 'none' });
      await ask([user('go')], { tool_choice: 'required' });
      const [none, required] = upstream.requests;
      assert.ok(!JSON.stringify(none!.body['tools']).includes('"weather"'));
      assert.equal(required!.body['tool_choice'], 'required');
    });
  });

  describe('over responses', () => {
    const tools = [{ type: 'function' as const, strict: null, ...WEATHER.function, parameters: {} }];
    const ask = (input: string | ResponseInput, more: { previous_response_id?: string; session_id?: string } = {}) =>
      openai.responses.create({ model: AGENT, input, tools, ...more });
    const callsIn = ({ output }: Response) => output.filter((item) => item.type === 'function_call');
    const output = (call_id: string, text: string) => ({
      type: 'function_call_output' as const,
      call_id,
      output: text,
    });

    it('end the response with the call, and the next response is the same run going on', async () => {
      upstream.script([{ text: ['I look.'], toolCalls: [sum('1 + 1'), forecast('Oslo')] }, { text: ['Rain.'] }]);
      const first = await ask('weather?');
      const [call] = callsIn(first);
      assert.deepEqual([first.status, first.output_text, call?.name], ['completed', 'I look.', 'weather']);
      assert.deepEqual(
        first.output.map(({ type }) => type),
        ['message', 'mcp_call', 'function_call'],
      );
      assert.deepEqual(await openai.responses.retrieve(first.id), first, 'it can be read while the run waits');
      const run = await newest();
      assert.equal(run.waiting_for, 'caller');
      await assert.rejects(ask('hello?', { previous_response_id: first.id }), ConflictError);
      const given = [output(call!.call_id, 'rain')];
      const second = await ask(given, { previous_response_id: first.id });
      assert.deepEqual([second.status, second.output_text], ['completed', 'Rain.']);
      assert.deepEqual([second.previous_response_id, second.id === first.id], [first.id, false]);
      assert.deepEqual(
        second.output.map(({ type }) => type),
        ['message'],
      );
      assert.equal((await newest()).id, run.id);
      assert.deepEqual(await ask(given, { previous_response_id: first.id }), second, 'given again');
      for (const response of [first, second])
        assert.deepEqual(await openai.responses.retrieve(response.id), response, 'read again');
      assert.equal(upstream.requests.length, 2);
    });

    it('are streamed, and streamed again, each turn by its id', async () => {
      upstream.script([{ toolCalls: [forecast('Oslo')] }, { text: ['Ra', 'in.'] }]);
      const stream = openai.responses.stream({ model: AGENT, input: 'weather?', tools });
      const first = await stream.finalResponse();
      const [call] = callsIn(first);
      const asked = { type: 'message' as const, role: 'user' as const, content: 'weather?' };
      const next = openai.responses.stream({
        model: AGENT,
        input: [asked, call!, output(call!.call_id, 'rain')],
        tools,
      });
      const second = await next.finalResponse();
      assert.equal(second.output_text, 'Rain.');
      for (const { id, output_text } of [first, second]) {
        const events = [];
        for await (const event of await openai.responses.retrieve(id, { stream: true })) events.push(event);
        const last = events.at(-1);
        assert.ok(last?.type === 'response.completed');
        assert.deepEqual([last.response.id, last.response.output_text ?? output_text], [id, output_text]);
        assert.deepEqual(
          events.map(({ sequence_number }) => sequence_number),
          events.map((_, index) => index),
        );
      }
    });

    it('refuse an output that nothing waits for, or of another response', async () => {
      upstream.script([{ toolCalls: [forecast('Oslo')] }, { text: ['Other.'] }]);
      const first = await ask('weather?');
      const [call] = callsIn(first);
      const other = await ask('other');
      const given = [output(call!.call_id, 'rain')];
      await assert.rejects(ask(given, { previous_response_id: other.id }), BadRequestError);
      await assert.rejects(ask([output('call_1', 'rain')], { previous_response_id: first.id }), BadRequestError);
      assert.equal((await openai.responses.cancel(first.id)).status, 'completed', 'the response was whole');
      await assert.rejects(ask(given, { previous_response_id: first.id }), BadRequestError);
    });
  });
});
