import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { ReeveError, silentLog } from '@reeve/kit';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';
import { batchTexts } from './batches.ts';
import { openEmbedder } from './embedder.ts';
import type { OpenOptions } from '../open.ts';
import { KEY, keptLedger, readSettings, signal, until } from '../../test/gateway.ts';

let upstream: FakeUpstream;
before(async () => {
  upstream = await startFakeUpstream();
});
afterEach(() => upstream.reset());
after(() => upstream[Symbol.asyncDispose]());

const EMBEDDERS = ['openai', 'google', 'openai-compatible'] as const;
const DEFAULTS = { openai: 'text-embedding-3-small', google: 'gemini-embedding-001', 'openai-compatible': 'nomic' };

function open(provider: (typeof EMBEDDERS)[number], options: OpenOptions = {}) {
  const pauses: number[] = [];
  const config = readSettings({
    EMBEDDING_PROVIDER: provider,
    LLM_PROVIDER: provider,
    LLM_BASE_URL: upstream.url,
    LLM_MODEL: 'm',
    OPENAI_API_KEY: KEY,
    GOOGLE_GENERATIVE_AI_API_KEY: KEY,
    LLM_API_KEY: KEY,
    ...(provider === 'openai-compatible' && { EMBEDDING_MODEL: 'nomic' }),
  });
  const sleep = async (ms: number) => void pauses.push(ms);
  return { embedder: openEmbedder(config, silentLog, { sleep, random: () => 0.5, ...options })!, pauses };
}

for (const provider of EMBEDDERS) {
  describe(`embeddings of ${provider}`, () => {
    it('are vectors in the order of the texts, with what they took', async () => {
      upstream.script([{ usage: { inputTokens: 12, outputTokens: 0 } }]);
      const { embedder } = open(provider);
      const ledger = keptLedger();
      const { vectors, usage } = await embedder.embed(['one', 'two', 'three'], signal(), ledger);
      assert.deepEqual(
        vectors,
        [0, 1, 2].map((index) => new Float32Array([index, 0.5, -0.5])),
      );
      // Gemini does not say.
      const inputTokens = provider === 'google' ? 4 : 12;
      assert.equal(usage.inputTokens, inputTokens);
      assert.equal(usage.estimated, provider === 'google');
      assert.equal(usage.costNano, { openai: 12 * 20, google: 4 * 150, 'openai-compatible': null }[provider]);
      assert.equal(embedder.model, `${provider}/${DEFAULTS[provider]}`);
      assert.deepEqual(
        upstream.requests[0]!.messages.map(({ text }) => text),
        ['one', 'two', 'three'],
      );
      const [{ attempt, end }] = ledger.rows as [(typeof ledger.rows)[number]];
      assert.deepEqual([attempt.model, attempt.maxOutputTokens, attempt.inputTokens], [DEFAULTS[provider], 0, 4]);
      assert.deepEqual(end?.usage, { input: inputTokens, output: 0, cached: 0, reasoning: 0 });
      assert.equal(end.outcome, 'ok');
    });

    it('are made of one text as well', async () => {
      upstream.script([{ vectors: [[1, 2]] }]);
      assert.deepEqual((await open(provider).embedder.embed(['one'], signal())).vectors, [new Float32Array([1, 2])]);
    });

    it('are tried again, and fail as a model call does', async () => {
      upstream.script([{ status: 503 }, { status: 500 }, { status: 429, headers: { 'retry-after': '4' } }]);
      const { embedder, pauses } = open(provider);
      const ledger = keptLedger();
      await assert.rejects(embedder.embed(['x'], signal(), ledger), { reason: 'rate_limited', retryAfterMs: 4_000 });
      assert.deepEqual(pauses, [500, 1_000]);
      assert.deepEqual(
        ledger.rows.map(({ attempt, end }) => [attempt.attempt, end?.outcome, end?.usage.input]),
        [
          [1, 'provider_overloaded', 0],
          [2, 'upstream_error', 0],
          [3, 'rate_limited', 0],
        ],
      );
    });

    it('are malformed where the answer is cut, or has not a vector for each text', async () => {
      for (const reply of [
        { fault: 'cut' },
        { fault: 'end-early' },
        { vectors: [[1], [1, 2]] },
        { vectors: [[1]] },
      ] as const) {
        upstream.reset();
        upstream.script([reply]);
        await assert.rejects(open(provider).embedder.embed(['a', 'b'], signal()), { reason: 'malformed_answer' });
        assert.equal(upstream.requests.length, 1);
      }
    });

    it('are cancelled at once, and the connection closed', async () => {
      upstream.script([{ fault: 'silent' }]);
      const abort = new AbortController();
      const ledger = keptLedger();
      const call = open(provider).embedder.embed(['a'], abort.signal, ledger);
      await until(() => upstream.requests.length === 1);
      abort.abort();
      await assert.rejects(call, { reason: 'cancelled' });
      assert.equal(ledger.rows[0]!.end?.outcome, 'cancelled');
      await until(() => upstream.open === 0);
    });

    it('are refused by their key', async () => {
      upstream.script([{ status: 401, message: `bad ${KEY}` }]);
      await assert.rejects(open(provider).embedder.embed(['a'], signal()), (error: ReeveError) => {
        assert.equal(error.reason, 'provider_key_refused');
        return !error.message.includes(KEY);
      });
    });
  });
}

it('asks in batches, with a row in the ledger for each', async () => {
  upstream.respond(() => ({}));
  const texts = Array.from({ length: 70 }, (_, index) => `text ${index}`);
  const ledger = keptLedger();
  const { embedder } = open('openai-compatible');
  const { vectors } = await embedder.embed(texts, signal(), ledger);
  assert.equal(vectors.length, 70);
  assert.deepEqual(
    upstream.requests.map(({ messages }) => messages.length),
    [32, 32, 6],
  );
  assert.deepEqual(
    ledger.rows.map(({ attempt }) => attempt.attempt),
    [1, 2, 3],
  );
});

it('keeps texts in order and within both limits', () => {
  const texts = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(400), 'd', 'e', 'f'];
  assert.deepEqual(
    batchTexts(texts, { maxTexts: 2, maxTokens: 20 }).map((batch) => batch.map((text) => text[0]).join('')),
    ['ab', 'c', 'de', 'f'],
  );
});

it('asks nobody for nothing, and refuses an empty text', async () => {
  const { embedder } = open('openai');
  assert.deepEqual(await embedder.embed([], signal()), {
    vectors: [],
    usage: { inputTokens: 0, estimated: false, costNano: 0 },
  });
  await assert.rejects(embedder.embed(['a', ' '], signal()), {
    message: 'text 2 of 2 to embed is empty: leave it out',
  });
  assert.equal(upstream.requests.length, 0);
});

it('knows the length of a vector beforehand or learns it', async () => {
  assert.equal(open('openai').embedder.dimensions, 1_536);
  const { embedder } = open('openai-compatible');
  assert.equal(embedder.dimensions, undefined);
  upstream.script([{ vectors: [[1, 2, 3, 4]] }]);
  await embedder.embed(['a'], signal());
  assert.equal(embedder.dimensions, 4);
});

it('hands a refusal of the budget on as it is', async () => {
  const refusal = new ReeveError('budget_exhausted', 'no');
  await assert.rejects(
    open('openai').embedder.embed(
      ['a'],
      signal(),
      keptLedger(() => refusal),
    ),
    (error) => error === refusal,
  );
  assert.equal(upstream.requests.length, 0);
});

it('opens its circuit after five faults in a row', async () => {
  upstream.respond(() => ({ status: 500, headers: { 'retry-after': '60' } }));
  const { embedder } = open('openai');
  for (let count = 0; count < 5; count += 1)
    await assert.rejects(embedder.embed(['a'], signal()), { reason: 'upstream_error' });
  await assert.rejects(embedder.embed(['a'], signal()), { reason: 'circuit_open' });
  assert.equal(upstream.requests.length, 5);
});

it('is none without a provider, and names what another lacks', () => {
  assert.equal(openEmbedder(readSettings({}), silentLog), null);
  assert.throws(
    () => openEmbedder(readSettings({ EMBEDDING_PROVIDER: 'google' }), silentLog),
    /EMBEDDING_PROVIDER is google, but GOOGLE_GENERATIVE_AI_API_KEY is not set/,
  );
  assert.throws(
    () => openEmbedder(readSettings({ EMBEDDING_PROVIDER: 'openai-compatible' }), silentLog),
    /LLM_BASE_URL is not set.*\n.*EMBEDDING_MODEL is not set/,
  );
  assert.throws(
    () => readSettings({ EMBEDDING_PROVIDER: 'anthropic' }),
    /it must be one of none, openai, google, openai-compatible/,
  );
});
