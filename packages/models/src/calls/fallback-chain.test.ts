import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { metrics } from '@reeve/kit';
import { startFakeUpstream, type FakeUpstream, type UpstreamReply } from '@reeve/testing/upstream';
import {
  collect,
  finishOf,
  keptLedger,
  openTest,
  request,
  settingsFor,
  signal,
  textOf,
  until,
} from '../../test/gateway.ts';

let upstream: FakeUpstream;
before(async () => {
  upstream = await startFakeUpstream();
});
afterEach(() => upstream.reset());
after(() => upstream[Symbol.asyncDispose]());

const text = ['one ', 'two ', 'three ', 'four '];
const withFallbacks = (fallbacks: string, options = {}) =>
  openTest(settingsFor('openai', upstream.url, { LLM_FALLBACKS: fallbacks }), options);
const TWO = 'openai-compatible/second,openai/third';
const askedModels = () => upstream.requests.map(({ model }) => model);

describe('fallbacks', () => {
  it('are asked in order, each as often as a model is asked, and the answer says who gave it', async () => {
    const down = { status: 500 };
    upstream.script([down, down, down, down, down, down, { text: ['from the third'] }]);
    const { models } = withFallbacks(TWO);
    const ledger = keptLedger();
    const parts = await collect(models.stream(request, signal(), ledger));
    assert.equal(textOf(parts), 'from the third');
    assert.deepEqual(askedModels(), ['test-model', 'test-model', 'test-model', 'second', 'second', 'second', 'third']);
    assert.equal(upstream.requests[3]!.protocol, 'chat-completions');
    assert.equal(finishOf(parts).model, 'third');
    assert.equal(finishOf(parts).provider, 'openai');
    assert.deepEqual(
      ledger.rows.map(({ attempt }) => [attempt.attempt, attempt.provider, attempt.model]),
      [1, 2, 3, 4, 5, 6, 7].map((number, index) => [
        number,
        index > 2 && index < 6 ? 'openai-compatible' : 'openai',
        askedModels()[index],
      ]),
    );
  });

  for (const [what, reply] of [
    ['is overloaded', { status: 529 }],
    ['limits the rate for long', { status: 429, headers: { 'retry-after': '60' } }],
    ['refuses the key', { status: 401 }],
    ['fails', { status: 502 }],
    ['breaks off before the first token', { text: [], fault: 'end-early' }],
  ] as const satisfies readonly (readonly [string, UpstreamReply])[]) {
    it(`are asked where the provider ${what}`, async () => {
      upstream.respond(({ model }) => (model === 'test-model' ? reply : { text: ['here'] }));
      const parts = await collect(withFallbacks(TWO).models.stream(request, signal()));
      assert.equal(finishOf(parts).model, 'second');
    });
  }

  it('are asked where the first token does not come in time', async () => {
    upstream.respond(({ model }) => (model === 'test-model' ? { fault: 'silent' } : { text: ['here'] }));
    const { models } = withFallbacks(TWO, { timeouts: { headersMs: 1_500 } });
    assert.equal(finishOf(await collect(models.stream(request, signal()))).model, 'second');
    assert.deepEqual(askedModels(), ['test-model', 'second']);
  });

  for (const [reason, reply] of [
    ['invalid_request', { status: 400, message: 'no such field' }],
    ['content_refused', { finish: 'content_filter' }],
    ['context_too_long', { status: 400, code: 'context_length_exceeded' }],
  ] as const) {
    it(`are not asked for ${reason}`, async () => {
      upstream.script([reply]);
      await assert.rejects(collect(withFallbacks(TWO).models.stream(request, signal())), { reason });
      assert.deepEqual(askedModels(), ['test-model']);
    });
  }

  it('are not asked once part of an answer was handed on', async () => {
    for (const fault of ['cut', 'error', 'hang'] as const) {
      upstream.reset();
      upstream.script([{ text, fault }]);
      const { models } = withFallbacks(TWO, { timeouts: { idleMs: 1_500 } });
      const shown: string[] = [];
      await assert.rejects(async () => {
        for await (const part of models.stream(request, signal())) if (part.type === 'text') shown.push(part.delta);
      });
      assert.ok(shown.length > 0);
      assert.deepEqual(askedModels(), ['test-model']);
    }
  });

  it('are not asked for a call that was cancelled', async () => {
    upstream.script([{ fault: 'silent' }]);
    const abort = new AbortController();
    const { models } = withFallbacks(TWO);
    const call = collect(models.stream(request, abort.signal));
    await until(() => upstream.requests.length === 1);
    abort.abort();
    await assert.rejects(call, { reason: 'cancelled' });
    assert.deepEqual(askedModels(), ['test-model']);
  });

  it('all failed: the error is that of the first, and names the others', async () => {
    upstream.respond(({ model }) =>
      model === 'test-model' ? { status: 429, headers: { 'retry-after': '60' } } : { status: 401 },
    );
    await assert.rejects(collect(withFallbacks(TWO).models.stream(request, signal())), {
      reason: 'rate_limited',
      retryAfterMs: 60_000,
      message:
        /^openai answered 429.* The fallback openai-compatible\/second failed too: .*401.* The fallback openai\/third failed too/,
    });
  });

  it('do not repeat the model that was asked for', async () => {
    upstream.respond(() => ({ status: 401 }));
    const { models } = withFallbacks(TWO);
    await assert.rejects(collect(models.stream({ ...request, model: 'openai-compatible/second' }, signal())));
    assert.deepEqual(askedModels(), ['second', 'third']);
  });
});

describe('the circuit of a model', () => {
  /** Calls that fail once each: the pauses between attempts are never waited for. */
  async function fail(models: ReturnType<typeof openTest>['models'], times: number, reason: string): Promise<void> {
    for (let count = 0; count < times; count += 1)
      await assert.rejects(collect(models.stream(request, signal())), { reason });
  }

  it('opens after five faults in a row, and then nobody is asked', async () => {
    upstream.respond(() => ({ status: 500, headers: { 'retry-after': '60' } }));
    const { models } = openTest(settingsFor('openai', upstream.url));
    await fail(models, 5, 'upstream_error');
    assert.equal(upstream.requests.length, 5);
    assert.equal(models.health().status, 'degraded');
    assert.match(models.health().message!, /not asked for a while after several failures: openai\/test-model$/);
    assert.match(await metrics.metrics(), /reeve_model_circuit\{provider="openai",model="test-model"\} 2\n/);

    const ledger = keptLedger();
    await assert.rejects(
      collect(models.stream(request, signal(), ledger)),
      (error: Error & { retryAfterMs?: number }) => {
        assert.ok(error.retryAfterMs! > 30_000 && error.retryAfterMs! <= 60_000);
        return 'reason' in error && error.reason === 'circuit_open';
      },
    );
    assert.equal(upstream.requests.length, 5);
    assert.deepEqual(ledger.rows, [], 'what was not sent is not written down');
  });

  it('opens within twenty calls where one in five succeeds, and the others go to the fallback', async () => {
    let calls = 0;
    upstream.respond(({ model }) => {
      if (model !== 'test-model') return { text: ['fallback'] };
      return (calls += 1) % 5 === 1 ? { text: ['ok'] } : { status: 500, headers: { 'retry-after': '60' } };
    });
    const { models } = withFallbacks('openai/third');
    for (let count = 0; count < 40; count += 1) await collect(models.stream(request, signal()));
    assert.equal(calls, 20);
  });

  it('is not opened by what the caller did wrong or may not do', async () => {
    const { models } = openTest(settingsFor('openai', upstream.url));
    for (const [reply, reason] of [
      [{ status: 400 }, 'invalid_request'],
      [{ status: 401 }, 'provider_key_refused'],
      [{ status: 429, headers: { 'retry-after': '60' } }, 'rate_limited'],
      [{ text, fault: 'malformed' }, 'malformed_answer'],
    ] as const) {
      upstream.respond(() => reply);
      await fail(models, 6, reason);
    }
    assert.equal(upstream.requests.length, 24);
  });

  it('is one for each model: another one of the same provider is asked', async () => {
    upstream.respond(({ model }) =>
      model === 'good' ? { text: ['ok'] } : { status: 500, headers: { 'retry-after': '60' } },
    );
    const { models } = openTest(settingsFor('openai', upstream.url));
    await fail(models, 5, 'upstream_error');
    await fail(models, 1, 'circuit_open');
    assert.equal(textOf(await collect(models.stream({ ...request, model: 'good' }, signal()))), 'ok');
  });

  it('lets one probe through, and others as soon as the probe has begun to answer', async () => {
    upstream.respond(() => ({ status: 500, headers: { 'retry-after': '60' } }));
    const { models } = openTest(settingsFor('openai', upstream.url), { breakerResetMs: 1 });
    await fail(models, 5, 'upstream_error');
    await new Promise((resolve) => setTimeout(resolve, 20));

    upstream.script([{ text, delayMs: 1_500, fault: 'hang' }]);
    const probe = models.stream(request, signal())[Symbol.asyncIterator]();
    const firstPart = probe.next();
    await until(() => upstream.requests.length === 6);
    await fail(models, 1, 'circuit_open');
    assert.equal((await firstPart).done, false);
    upstream.respond(() => ({ text: ['well again'] }));
    assert.equal(textOf(await collect(models.stream(request, signal()))), 'well again');
    await probe.return?.();
  });
});

it('takes the most output from the table of models, leaves room for it, and keeps what is asked for within it', async () => {
  const sent = async (asked: Partial<typeof request> & { maxOutputTokens?: number }) => {
    upstream.script([{ text: ['ok'] }]);
    await collect(openTest(settingsFor('openai', upstream.url)).models.stream({ ...request, ...asked }, signal()));
    return upstream.requests.at(-1)!.body.max_output_tokens;
  };
  assert.equal(await sent({}), 8_192, 'not in the table');
  assert.equal(await sent({ maxOutputTokens: 50_000 }), 50_000, 'nothing says that it cannot');
  assert.equal(await sent({ model: 'gpt-4o' }), 16_384);
  assert.equal(await sent({ model: 'gpt-4o', maxOutputTokens: 50_000 }), 16_384);
  assert.equal(await sent({ model: 'gpt-4o', system: 'x'.repeat(4 * 120_000) }), 128_000 - 120_002);
  assert.equal(await sent({ model: 'gpt-4o', system: 'x'.repeat(4 * 130_000) }), 1_024);
});
