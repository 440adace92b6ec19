import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { ReeveError } from '@reeve/kit';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';
import type { ChatCall, ChatPart, ModelGateway } from '../model.ts';
import { keptLedger, openTest, readSettings, request, settingsFor, signal, until } from '../../test/gateway.ts';

const WORDS = ['one ', 'two ', 'three ', 'four ', 'five ', 'six '];
const ASKED = { ...request, maxOutputTokens: 50 };
const INPUT = Math.ceil('Be brief.Hello'.length / 4);
const NOTHING = { input: 0, output: 0, cached: 0, reasoning: 0 };

let upstream: FakeUpstream;
before(async () => {
  upstream = await startFakeUpstream();
});
afterEach(() => upstream.reset());
after(() => upstream[Symbol.asyncDispose]());

const open = (options = {}, more = {}) => openTest(settingsFor('openai-compatible', upstream.url, more), options);

function chatOf(stream: boolean, more: Partial<ChatCall> = {}): ChatCall {
  const messages = [
    { role: 'developer', content: 'Be brief.' },
    { role: 'user', content: 'Hello' },
  ];
  return { request: ASKED, body: { messages, stream }, linkedImages: [], stream, withUsage: false, ...more };
}

/** A call of a chat: all that was handed on as text, and what became of it. */
async function ask(models: ModelGateway, chat: ChatCall, ledger = keptLedger(), left = signal()) {
  const parts: ChatPart[] = [];
  let error: ReeveError | undefined;
  try {
    for await (const part of models.chat(chat, left, ledger)) parts.push(part);
  } catch (thrown) {
    assert.ok(thrown instanceof ReeveError, String(thrown));
    error = thrown;
  }
  const bytes = parts.map((part) => {
    if (part.type === 'relayed') return part.bytes;
    return part.type === 'finish' ? part.remainder!.bytes : assert.fail(`a part ${part.type} is not relayed`);
  });
  const last = parts.at(-1);
  return {
    text: Buffer.concat(bytes).toString(),
    parts,
    error,
    finish: last?.type === 'finish' ? last : undefined,
    ledger,
  };
}

const endsOf = ({ ledger }: { ledger: ReturnType<typeof keptLedger> }) => ledger.rows.map(({ end }) => end?.outcome);
const saidIn = (text: string) =>
  [...text.matchAll(/^data: (.*)$/gm)]
    .map(([, data]) => (JSON.parse(data!) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content)
    .join('');

describe('a relayed call', () => {
  it('is handed on in the caller’s own words, with our name of the model and limit', async () => {
    upstream.script([{ text: ['Hi'] }]);
    const body = {
      ...chatOf(false).body,
      max_completion_tokens: 999,
      presence_penalty: 0.5,
      frequency_penalty: 0.25,
      logit_bias: { 50256: -100 },
      top_k: 4,
      temperature: null,
      metadata: { session_id: 'x' },
      timeout_ms: 5,
      service_tier: 'priority',
      model: 'openai-compatible/other',
    };
    await ask(open().models, chatOf(false, { body }));
    assert.deepEqual(upstream.requests[0]?.body, {
      model: 'test-model',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello' },
      ],
      presence_penalty: 0.5,
      frequency_penalty: 0.25,
      logit_bias: { 50256: -100 },
      top_k: 4,
      max_tokens: 50,
    });
    assert.equal(upstream.requests[0]?.headers['authorization'], 'Bearer sk-secret-0123456789');
  });

  it('of OpenAI has the limit under its newer name', async () => {
    upstream.script([{ text: ['Hi'] }]);
    const { models } = openTest(settingsFor('openai', upstream.url));
    await ask(models, chatOf(false));
    const { max_completion_tokens, max_tokens, messages } = upstream.requests[0]!.body;
    assert.deepEqual([max_completion_tokens, max_tokens], [50, undefined]);
    assert.equal((messages as { role: string }[])[0]?.role, 'developer');
  });

  it('of another protocol is asked in our words', async () => {
    upstream.script([{ text: ['Hi'] }]);
    const { models } = openTest(settingsFor('anthropic', upstream.url));
    const types: string[] = [];
    for await (const part of models.chat(chatOf(false), signal())) types.push(part.type);
    assert.deepEqual(types, ['text', 'finish']);
  });

  for (const stream of [false, true]) {
    const kind = stream ? 'stream' : 'whole answer';
    it(`is begun in the ledger before it is sent and settled with what the provider counted: ${kind}`, async () => {
      upstream.script([
        { text: WORDS, usage: { inputTokens: 21, outputTokens: 9, cachedTokens: 8, reasoningTokens: 4 } },
      ]);
      let sentBefore = -1;
      const ledger = keptLedger(() => {
        sentBefore = upstream.requests.length;
        return undefined;
      });
      const { text, finish } = await ask(open().models, chatOf(stream), ledger);
      assert.equal(sentBefore, 0);
      assert.equal(ledger.rows.length, 1);
      const [{ attempt, end }] = ledger.rows as [(typeof ledger.rows)[number]];
      assert.deepEqual([attempt.inputTokens, attempt.maxOutputTokens], [INPUT, 50]);
      assert.deepEqual(end?.usage, { input: 21, output: 9, cached: 8, reasoning: 4 });
      assert.deepEqual([end.outcome, end.estimated, finish?.reason], ['ok', false, 'stop']);
      assert.ok(end.firstTokenMs !== null && end.firstTokenMs <= end.latencyMs);
      assert.ok(text.includes(stream ? 'three ' : 'one two three'));
    });

    it(`whose provider does not count is estimated: ${kind}`, async () => {
      upstream.script([{ text: WORDS, usage: null }]);
      const { finish } = await ask(open().models, chatOf(stream));
      assert.deepEqual(
        [finish?.usage.inputTokens, finish?.usage.outputTokens, finish?.usage.estimated],
        [INPUT, Math.ceil(WORDS.join('').length / 4), true],
      );
    });

    it(`is repeated, each time as a row, while nothing was handed on: ${kind}`, async () => {
      upstream.script([{ status: 503 }, { status: 429, headers: { 'retry-after': '2' } }, { text: WORDS }]);
      const { models, pauses } = open();
      const answer = await ask(models, chatOf(stream));
      assert.deepEqual(endsOf(answer), ['provider_overloaded', 'rate_limited', 'ok']);
      assert.deepEqual(answer.ledger.rows[0]!.end?.usage, NOTHING);
      assert.deepEqual(pauses, [500, 2_000]);
    });

    it(`gets the provider’s errors told apart: ${kind}`, async () => {
      for (const [status, message, code, reason] of [
        [401, 'no such key', undefined, 'provider_key_refused'],
        [404, 'no such model', 'model_not_found', 'invalid_request'],
        [400, 'too long', 'context_length_exceeded', 'context_too_long'],
        [400, 'no', 'content_filter', 'content_refused'],
        [422, 'what?', undefined, 'invalid_request'],
      ] as const) {
        upstream.script([{ status, message, ...(code && { code }) }]);
        const answer = await ask(open().models, chatOf(stream));
        assert.equal(answer.error?.reason, reason);
        assert.ok(answer.error.message.includes(message), answer.error.message);
        assert.deepEqual(endsOf(answer), [reason]);
      }
    });

    it(`that is cut off fails as such, and is estimated: ${kind}`, async () => {
      upstream.script([{ text: WORDS, fault: 'cut' }]);
      const answer = await ask(open().models, chatOf(stream));
      assert.equal(answer.error?.reason, 'malformed_answer');
      const { usage, estimated } = answer.ledger.rows[0]!.end!;
      // Of a stream is known what came; of a whole answer nothing, so that all of it is reckoned with.
      assert.deepEqual([usage.input, estimated], [INPUT, true]);
      assert.ok(stream ? usage.output > 0 && usage.output < 50 : usage.output === 50, String(usage.output));
    });

    for (const fault of ['malformed', 'end-early'] as const)
      it(`that is ${fault} is said to be: ${kind}`, async () => {
        upstream.script([{ text: WORDS, fault }]);
        const answer = await ask(open().models, chatOf(stream));
        assert.equal(answer.error?.reason, 'malformed_answer');
        assert.equal(answer.finish, undefined);
        assert.deepEqual(endsOf(answer), ['malformed_answer']);
      });

    it(`whose 200 is an error fails: ${kind}`, async () => {
      upstream.script([{ text: WORDS, fault: 'error', message: 'it broke' }]);
      const answer = await ask(open().models, chatOf(stream));
      assert.match(answer.error!.message, /it broke/);
    });

    it(`that takes too long is given up: ${kind}`, async () => {
      upstream.script([{ fault: 'silent' }]);
      const answer = await ask(open({ timeouts: { firstTokenMs: 50 } }).models, chatOf(stream));
      assert.equal(answer.error?.reason, 'timeout');
      await until(() => upstream.open === 0);
    });

    it(`whose caller leaves is aborted at the provider, and settled: ${kind}`, async () => {
      upstream.script([{ text: WORDS, fault: 'hang' }]);
      const left = new AbortController();
      const asking = ask(open().models, chatOf(stream), keptLedger(), left.signal);
      await until(() => upstream.open === 1);
      left.abort();
      const answer = await asking;
      assert.equal(answer.error?.reason, 'cancelled');
      assert.deepEqual(endsOf(answer), ['cancelled']);
      await until(() => upstream.open === 0);
    });

    it(`that no budget has room for is never sent: ${kind}`, async () => {
      const refused = keptLedger(() => new ReeveError('budget_exhausted', 'no room'));
      const answer = await ask(open().models, chatOf(stream), refused);
      assert.equal(answer.error?.reason, 'budget_exhausted');
      assert.equal(upstream.requests.length, 0);
    });
  }

  it('is that of the fallback which speaks the protocol, where the model asked for speaks another', async () => {
    upstream.respond(({ protocol }) => (protocol === 'anthropic' ? { status: 500 } : { text: ['Hi'] }));
    const more = { LLM_FALLBACKS: 'openai-compatible/spare' };
    const { models } = openTest(settingsFor('anthropic', upstream.url, more));
    const { finish, text, ledger } = await ask(models, chatOf(true));
    assert.deepEqual([finish?.model, saidIn(text)], ['spare', 'Hi']);
    assert.deepEqual(
      ledger.rows.map(({ end }) => end?.outcome),
      ['upstream_error', 'upstream_error', 'upstream_error', 'ok'],
    );
  });

  it('is not repeated once part of it was handed on', async () => {
    upstream.script([{ text: WORDS, fault: 'hang' }, { text: ['never'] }]);
    const answer = await ask(open({ timeouts: { idleMs: 50 } }).models, chatOf(true));
    assert.equal(answer.error?.reason, 'timeout');
    assert.equal(saidIn(answer.text), 'one two three ');
    assert.equal(upstream.requests.length, 1);
  });

  it('asks always for the usage, and hands it on only to those who want it', async () => {
    for (const withUsage of [false, true]) {
      upstream.script([{ thinking: ['hm'], text: WORDS }]);
      const { text } = await ask(open().models, chatOf(true, { withUsage }));
      assert.equal(saidIn(text), WORDS.join(''));
      assert.equal(text.includes('"usage"'), withUsage);
      assert.ok(text.includes('"reasoning_content":"hm"') && !text.includes('[DONE]'));
    }
    assert.ok(
      upstream.requests.every(({ body }) => JSON.stringify(body['stream_options']) === '{"include_usage":true}'),
    );
  });

  it('is settled before its reader hears of the end', async () => {
    upstream.script([{ text: WORDS, pauseMs: 5 }]);
    const ledger = keptLedger();
    for await (const part of open().models.chat(chatOf(true), signal(), ledger)) {
      const says = part.type === 'relayed' && Buffer.from(part.bytes).includes('"stop"');
      assert.ok(!says);
      assert.equal(ledger.rows[0]!.end?.outcome, part.type === 'finish' ? 'ok' : undefined);
    }
  });

  it('refused by a content filter is an error, unless something was said', async () => {
    upstream.script([{ finish: 'content_filter' }, { text: ['well'], finish: 'content_filter' }]);
    assert.equal((await ask(open().models, chatOf(false))).error?.reason, 'content_refused');
    assert.equal((await ask(open().models, chatOf(false))).finish?.reason, 'content_filter');
  });

  it('with the address of an image reckons with it, and is refused where it is not relayed', async () => {
    upstream.script([{ text: ['A cat.'] }]);
    const linkedImages = ['messages.0.content.0.image_url'];
    const { ledger } = await ask(open().models, chatOf(false, { linkedImages }));
    assert.equal(ledger.rows[0]?.attempt.inputTokens, INPUT + 1_500);
    const mock = openTest(readSettings({})).models;
    const { error } = await ask(mock, chatOf(false, { linkedImages, request: { ...ASKED, model: null } }));
    assert.deepEqual([error?.reason, error?.details[0]?.path], ['invalid_request', linkedImages[0]]);
  });

  it('five failures in a row open the circuit, and the model is not asked', async () => {
    upstream.respond(() => ({ status: 500 }));
    const { models } = open();
    for (let call = 0; call < 2; call += 1) await ask(models, chatOf(false));
    const asked = upstream.requests.length;
    assert.equal((await ask(models, chatOf(false))).error?.reason, 'circuit_open');
    assert.equal(upstream.requests.length, asked);
  });
});
