import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { startFakeUpstream, type FakeUpstream, type UpstreamReply } from '@reeve/testing/upstream';
import type { RemoteProvider } from '../config.ts';
import type { ModelMessage } from '../model.ts';
import { collect, finishOf, openTest, request, settingsFor, signal, textOf } from '../../test/gateway.ts';

let upstream: FakeUpstream;
before(async () => {
  upstream = await startFakeUpstream();
});
afterEach(() => upstream.reset());
after(() => upstream[Symbol.asyncDispose]());

const tools = [{ name: 'add', description: 'Adds.', inputSchema: { type: 'object', properties: {} } }];
const SIGNED: UpstreamReply = {
  thinking: ['Let me ', 'see.'],
  text: ['I will ', 'add.'],
  toolCalls: [
    { name: 'add', input: { a: 1 } },
    { name: 'add', input: { a: 2 } },
  ],
  signature: 'SIGNATURE==',
};
/** Reasoning models of which the providers' packages know that they reason. */
const MODEL: Readonly<Record<RemoteProvider, string>> = {
  openai: 'gpt-5.4-mini',
  anthropic: 'claude-sonnet-5',
  google: 'gemini-3-pro-preview',
  ollama: 'm',
  'openai-compatible': 'm',
};

/** Makes one turn, has its tool calls answered and makes the next, through JSON as a database would keep it. */
async function twoTurns(
  provider: RemoteProvider,
  reply: UpstreamReply,
  change: (message: ModelMessage & { role: 'assistant' }) => ModelMessage = (message) => message,
  second: { readonly provider?: RemoteProvider; readonly model?: string } = {},
) {
  upstream.script([reply, { text: ['done'] }]);
  const settings = (of: RemoteProvider, model: string) => settingsFor(of, upstream.url, { LLM_MODEL: model });
  const { models } = openTest(settings(provider, MODEL[provider]));
  const parts = await collect(models.stream({ ...request, tools }, signal()));
  const finish = finishOf(parts);
  const toolCalls = parts.filter((part) => part.type === 'tool_call').map(({ call }) => call);
  const assistant = { role: 'assistant' as const, text: textOf(parts), toolCalls, providerData: finish.providerData };
  const kept = JSON.parse(JSON.stringify(change(assistant))) as ModelMessage;
  const results = toolCalls.map(({ id, name }) => ({
    role: 'tool' as const,
    toolCallId: id,
    name,
    output: 3,
    isError: false,
  }));
  const then = openTest(settings(second.provider ?? provider, second.model ?? MODEL[provider])).models;
  await collect(then.stream({ ...request, tools, messages: [...request.messages, kept, ...results] }, signal()));
  return { body: upstream.requests[1]!.body, finish };
}

/** Ids are the upstream's own and differ by test. */
const withoutIds = (content: unknown) => (content as Record<string, unknown>[]).map(({ id: _, ...rest }) => rest);
const list = (body: Record<string, unknown>, key: string) => body[key] as Record<string, unknown>[];

describe('what a provider wants back with its answer', () => {
  it('goes back to Anthropic: the signed thinking, before the text and the calls', async () => {
    const { body } = await twoTurns('anthropic', SIGNED);
    assert.deepEqual(withoutIds(list(body, 'messages').find(({ role }) => role === 'assistant')?.content), [
      { type: 'thinking', thinking: 'Let me see.', signature: 'SIGNATURE==' },
      { type: 'text', text: 'I will add.' },
      { type: 'tool_use', name: 'add', input: { a: 1 } },
      { type: 'tool_use', name: 'add', input: { a: 2 } },
    ]);
  });

  it('goes back to Gemini: the signature with the very call that carried it', async () => {
    const { body } = await twoTurns('google', SIGNED);
    const answer = list(body, 'contents').find(({ role }) => role === 'model')!;
    const calls = list(answer, 'parts').filter(({ functionCall }) => functionCall !== undefined);
    assert.deepEqual(
      calls.map(({ thoughtSignature }) => thoughtSignature),
      ['SIGNATURE==', undefined],
    );
  });

  it('goes back to Gemini: the signature of a text', async () => {
    const { body } = await twoTurns('google', { text: ['Hi ', 'there'], signature: 'OF-TEXT==' });
    const answer = list(body, 'contents').find(({ role }) => role === 'model');
    assert.match(JSON.stringify(answer), /OF-TEXT==/);
  });

  it('goes back to OpenAI: the encrypted reasoning, before the calls that came of it', async () => {
    const { body } = await twoTurns('openai', { ...SIGNED, thinking: [] });
    assert.deepEqual(upstream.requests[0]!.body.include, ['reasoning.encrypted_content']);
    const items = list(body, 'input').slice(2, 6);
    assert.deepEqual(
      items.map(({ type, role }) => type ?? role),
      ['reasoning', 'assistant', 'function_call', 'function_call'],
    );
    assert.equal(items[0]!.encrypted_content, 'SIGNATURE==');
  });

  it('goes back to a compatible server: its reasoning, and the signature of a call', async () => {
    const { body } = await twoTurns('openai-compatible', SIGNED);
    const answer = list(body, 'messages').find(({ role }) => role === 'assistant')!;
    assert.equal(answer.reasoning_content, 'Let me see.');
    const [call] = list(answer, 'tool_calls');
    assert.deepEqual(call!.extra_content, { google: { thought_signature: 'SIGNATURE==' } });
  });

  it('is nothing for a compatible server that called no tool: some refuse their reasoning there', async () => {
    const { body, finish } = await twoTurns('openai-compatible', { thinking: ['hm'], text: ['42'] });
    assert.equal(finish.providerData, undefined);
    assert.ok(!JSON.stringify(body).includes('reasoning_content'));
  });

  it('is nothing where the provider signed nothing', async () => {
    for (const provider of ['openai', 'anthropic', 'google'] as const) {
      upstream.reset();
      const { finish } = await twoTurns(provider, { text: ['plain'] });
      assert.equal(finish.providerData, undefined, provider);
    }
  });

  it('is plain JSON that names its provider, and does not repeat the text', async () => {
    const { finish } = await twoTurns('anthropic', SIGNED);
    assert.deepEqual(JSON.parse(JSON.stringify(finish.providerData)), finish.providerData);
    assert.equal((finish.providerData as { provider: string }).provider, 'anthropic');
    assert.ok(!JSON.stringify(finish.providerData).includes('I will'));
  });

  it('is not given to another provider or another model', async () => {
    for (const second of [{ provider: 'openai-compatible' }, { model: 'claude-opus-5' }] as const) {
      upstream.reset();
      const { body } = await twoTurns('anthropic', SIGNED, undefined, second);
      assert.ok(!JSON.stringify(body).includes('SIGNATURE=='));
      assert.ok(!JSON.stringify(body).includes('Let me see'));
      assert.ok(JSON.stringify(body).includes('I will add.'));
    }
  });

  it('is ignored where it cannot be read', async () => {
    const { body } = await twoTurns('anthropic', SIGNED, (message) => ({ ...message, providerData: { provider: 7 } }));
    assert.ok(JSON.stringify(body).includes('I will add.'));
  });

  it('goes back with a text and calls that were changed since', async () => {
    const { body } = await twoTurns('anthropic', SIGNED, (message) => ({
      ...message,
      text: 'Something else.',
      toolCalls: message.toolCalls.map((call, index) => (index === 0 ? { ...call, input: { a: 10 } } : call)),
    }));
    assert.deepEqual(withoutIds(list(body, 'messages').find(({ role }) => role === 'assistant')?.content), [
      { type: 'thinking', thinking: 'Let me see.', signature: 'SIGNATURE==' },
      { type: 'text', text: 'Something else.' },
      { type: 'tool_use', name: 'add', input: { a: 10 } },
      { type: 'tool_use', name: 'add', input: { a: 2 } },
    ]);
  });
});
