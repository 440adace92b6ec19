import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { ReeveError, silentLog } from '@reeve/kit';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';
import { openModels } from '../open.ts';
import {
  collect,
  finishOf,
  keptLedger,
  keptLog,
  openTest,
  readSettings,
  REMOTES,
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

const text = ['one ', 'two ', 'three ', 'four ', 'five ', 'six '];
const INPUT = Math.ceil('Be brief.Hello'.length / 4);
const FREE = { inputNano: 0, cachedInputNano: 0, outputNano: 0 };
const NOTHING = { input: 0, output: 0, cached: 0, reasoning: 0 };
const open = (options = {}) => openTest(settingsFor('openai', upstream.url), options).models;

describe('an attempt in the ledger', () => {
  for (const provider of REMOTES) {
    it(`of ${provider} is begun before it is sent and settled with what the provider counted`, async () => {
      const usage = {
        inputTokens: 21,
        outputTokens: 9,
        cachedTokens: provider === 'ollama' ? 0 : 8,
        reasoningTokens: provider === 'anthropic' || provider === 'ollama' ? 0 : 4,
      };
      upstream.script([{ text: ['Hi'], usage }]);
      let sentBefore = -1;
      const ledger = keptLedger(() => {
        sentBefore = upstream.requests.length;
        return undefined;
      });
      const { models } = openTest(settingsFor(provider, upstream.url));
      const asked = { ...request, maxOutputTokens: 50 };
      const finish = finishOf(await collect(models.stream(asked, signal(), ledger)));
      assert.equal(sentBefore, 0);
      assert.equal(ledger.rows.length, 1);
      const [{ attempt, end }] = ledger.rows as [(typeof ledger.rows)[number]];
      assert.deepEqual(attempt, {
        provider,
        model: 'test-model',
        attempt: 1,
        inputTokens: INPUT,
        maxOutputTokens: 50,
        price: provider === 'ollama' ? FREE : null,
      });
      assert.equal(end?.outcome, 'ok');
      assert.deepEqual(end.usage, {
        input: 21,
        output: 9,
        cached: usage.cachedTokens,
        reasoning: usage.reasoningTokens,
      });
      assert.equal(end.estimated, false);
      assert.ok(end.firstTokenMs !== null && end.firstTokenMs <= end.latencyMs);
      assert.deepEqual(finish.usage, { ...usage, estimated: false });
    });
  }

  it('is settled before its reader hears of the end', async () => {
    upstream.script([{ text: ['Hi'] }]);
    const ledger = keptLedger();
    for await (const part of open().stream(request, signal(), ledger))
      assert.equal(ledger.rows[0]!.end?.outcome, part.type === 'finish' ? 'ok' : undefined);
  });

  it('is one row each where it is repeated; what the provider refused costs nothing', async () => {
    upstream.script([{ status: 503 }, { status: 429 }, { text: ['ok'] }]);
    const ledger = keptLedger();
    await collect(open().stream(request, signal(), ledger));
    assert.deepEqual(
      ledger.rows.map(({ attempt, end }) => [attempt.attempt, end?.outcome, end?.usage.input, end?.estimated]),
      [
        [1, 'provider_overloaded', 0, false],
        [2, 'rate_limited', 0, false],
        [3, 'ok', 11, false],
      ],
    );
  });

  it('is estimated where a proxy gave up, since the server behind it may have worked', async () => {
    upstream.script([{ status: 504 }, { status: 504 }, { status: 504 }]);
    const ledger = keptLedger();
    await assert.rejects(collect(open().stream(request, signal(), ledger)), { reason: 'upstream_error' });
    assert.deepEqual(ledger.rows[0]!.end?.usage, { ...NOTHING, input: INPUT });
    assert.equal(ledger.rows[0]!.end?.estimated, true);
  });

  for (const fault of ['error', 'cut', 'malformed', 'end-early'] as const) {
    it(`is estimated from what was streamed where the stream has the fault "${fault}"`, async () => {
      upstream.script([{ text, fault }]);
      const ledger = keptLedger();
      let shown = '';
      await assert.rejects(async () => {
        for await (const part of open().stream(request, signal(), ledger))
          if (part.type === 'text') shown += part.delta;
      });
      assert.equal(ledger.rows.length, 1);
      const { end } = ledger.rows[0]!;
      assert.equal(end?.outcome, fault === 'error' ? 'upstream_error' : 'malformed_answer');
      assert.equal(end.estimated, true);
      assert.deepEqual(end.usage, { ...NOTHING, input: INPUT, output: Math.ceil(shown.length / 4) });
    });
  }

  it('counts a tool call that was cut off in its arguments, although nobody was shown it', async () => {
    upstream.script([{ toolCalls: [{ name: 'add', input: { a: 'x'.repeat(400) } }], fault: 'cut' }]);
    const tools = [{ name: 'add', description: '', inputSchema: { type: 'object' } }];
    const ledger = keptLedger();
    await assert.rejects(collect(open().stream({ ...request, tools }, signal(), ledger)), {
      reason: 'malformed_answer',
    });
    assert.ok(ledger.rows[0]!.end!.usage.output > 40);
  });

  it('is settled as cancelled, with what had come, when the signal is aborted', async () => {
    upstream.script([{ text, fault: 'hang' }]);
    const ledger = keptLedger();
    const abort = new AbortController();
    await assert.rejects(
      async () => {
        for await (const part of open().stream(request, abort.signal, ledger)) if (part.type === 'text') abort.abort();
      },
      { reason: 'cancelled' },
    );
    const { end } = ledger.rows[0]!;
    assert.equal(end?.outcome, 'cancelled');
    assert.equal(end.estimated, true);
    assert.ok(end.usage.input === INPUT && end.usage.output >= 1);
  });

  it('is settled as abandoned when its reader leaves the loop', async () => {
    upstream.script([{ text, fault: 'hang' }]);
    const ledger = keptLedger();
    for await (const _ of open().stream(request, signal(), ledger)) break;
    assert.equal(ledger.rows[0]!.end?.outcome, 'abandoned');
    assert.deepEqual(ledger.rows[0]!.end.usage, { ...NOTHING, input: INPUT, output: 1 });
  });

  it('is settled as a timeout where the first token does not come, and where the stream falls silent', async () => {
    for (const [reply, timeouts] of [
      [{ fault: 'silent' }, { headersMs: 100 }],
      [{ text, fault: 'hang' }, { idleMs: 100 }],
    ] as const) {
      upstream.script([reply]);
      const ledger = keptLedger();
      await assert.rejects(collect(open({ timeouts }).stream(request, signal(), ledger)), { reason: 'timeout' });
      assert.equal(ledger.rows[0]!.end?.outcome, 'timeout');
      assert.equal(ledger.rows[0]!.end.estimated, true);
    }
  });

  it('is settled with what the provider counted where it refused the content', async () => {
    upstream.script([{ finish: 'content_filter', usage: { inputTokens: 30, outputTokens: 2 } }]);
    const ledger = keptLedger();
    await assert.rejects(collect(open().stream(request, signal(), ledger)), { reason: 'content_refused' });
    assert.deepEqual(ledger.rows[0]!.end?.usage, { ...NOTHING, input: 30, output: 2 });
    assert.equal(ledger.rows[0]!.end.estimated, false);
  });

  it('costs nothing where it was cancelled while the ledger was asked', async () => {
    const abort = new AbortController();
    const ledger = keptLedger(() => {
      abort.abort();
      return undefined;
    });
    await assert.rejects(collect(open().stream(request, abort.signal, ledger)), { reason: 'cancelled' });
    assert.equal(upstream.requests.length, 0);
    assert.equal(ledger.rows[0]!.end?.outcome, 'cancelled');
    assert.deepEqual(ledger.rows[0]!.end.usage, NOTHING);
  });
});

it('hands a refusal of the budget on as it is, and asks nobody else', async () => {
  const refusal = new ReeveError('budget_exhausted', 'no money left');
  const config = settingsFor('openai', upstream.url, { LLM_FALLBACKS: 'openai-compatible/b' });
  const { models, pauses } = openTest(config);
  let asked = 0;
  const ledger = keptLedger(() => {
    asked += 1;
    return refusal;
  });
  await assert.rejects(collect(models.stream(request, signal(), ledger)), (error) => error === refusal);
  assert.equal(asked, 1);
  assert.deepEqual(pauses, []);
  assert.equal(upstream.requests.length, 0);
  assert.equal(models.health().status, 'ok');
});

it('asks the budget again for each attempt, and stops where it says no', async () => {
  upstream.script([{ status: 500 }]);
  const ledger = keptLedger(({ attempt }) => (attempt === 2 ? new ReeveError('budget_exhausted', 'no') : undefined));
  await assert.rejects(collect(open().stream(request, signal(), ledger)), { reason: 'budget_exhausted' });
  assert.equal(upstream.requests.length, 1);
});

it('gives the answer although the ledger cannot settle, and logs it', async () => {
  upstream.script([{ text: ['Hi'] }]);
  const { log, lines } = keptLog();
  const ledger = keptLedger(undefined, () => Promise.reject(new Error('the database is away')));
  const models = openModels(settingsFor('openai', upstream.url), log);
  assert.equal(textOf(await collect(models.stream(request, signal(), ledger))), 'Hi');
  const line = lines.find(({ message }) => String(message).includes('could not be settled'));
  assert.match(JSON.stringify(line), /the database is away/);
});

it('writes the built-in model’s calls down too, at no cost', async () => {
  const models = openModels(readSettings({}), silentLog);
  const ledger = keptLedger();
  const finish = finishOf(await collect(models.stream(request, signal(), ledger)));
  assert.equal(finish.costNano, 0);
  const [{ attempt, end }] = ledger.rows as [(typeof ledger.rows)[number]];
  assert.equal(attempt.provider, 'mock');
  assert.deepEqual(attempt.price, { inputNano: 0, cachedInputNano: 0, outputNano: 0 });
  assert.equal(end?.outcome, 'ok');
  assert.equal(end.usage.output, finish.usage.outputTokens);

  const cut = keptLedger();
  for await (const _ of models.stream(request, signal(), cut)) break;
  assert.equal(cut.rows[0]!.end?.outcome, 'abandoned');
});

describe('the time until the first token', () => {
  for (const provider of REMOTES) {
    it(`is bounded for ${provider}, though its headers came and it sends signs of life`, async () => {
      upstream.script([{ fault: 'slow-start' }]);
      const ledger = keptLedger();
      const { models, pauses } = openTest(settingsFor(provider, upstream.url), { timeouts: { firstTokenMs: 150 } });
      await assert.rejects(collect(models.stream(request, signal(), ledger)), {
        reason: 'timeout',
        message: new RegExp(`^${provider} did not begin its answer within 150 ms \\(LLM_FIRST_TOKEN_TIMEOUT_MS\\)$`),
      });
      assert.deepEqual(pauses, [], 'the provider may be working on it');
      assert.deepEqual(ledger.rows[0]!.end?.usage, { ...NOTHING, input: INPUT });
      await until(() => upstream.open === 0);
    });
  }

  it('ends with the first token: an answer may take longer than that', async () => {
    upstream.script([{ text: ['a', 'b', 'c', 'd'], pauseMs: 500 }]);
    const { models } = openTest(settingsFor('openai-compatible', upstream.url), { timeouts: { firstTokenMs: 1_900 } });
    assert.equal(textOf(await collect(models.stream(request, signal()))), 'abcd');
  });
});

it('leaves no upstream connection open after fifty aborted streams', async () => {
  for (const provider of REMOTES) {
    upstream.reset();
    upstream.respond(() => ({ text, fault: 'hang' }));
    const { models } = openTest(settingsFor(provider, upstream.url));
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const abort = new AbortController();
        await assert.rejects(
          async () => {
            for await (const _ of models.stream(request, abort.signal)) abort.abort();
          },
          { reason: 'cancelled' },
        );
      }),
    );
    assert.equal(upstream.requests.length, 50);
    await until(() => upstream.open === 0);
  }
});

it('settles each attempt exactly once, whatever becomes of the answer and of its reader', async () => {
  const faults = [
    undefined,
    'cut',
    'malformed',
    'error',
    'end-early',
    'hang',
    'http-500',
    'http-429',
    'http-401',
  ] as const;
  let asked = 0;
  upstream.respond(() => {
    const fault = faults[(asked += 1) % faults.length];
    return { text, ...(fault !== undefined && { fault }) };
  });
  let settled = 0;
  const ledger = keptLedger(undefined, async () => void (settled += 1));
  const config = settingsFor('openai-compatible', upstream.url, {
    LLM_FALLBACKS: 'openai-compatible/b,openai-compatible/c',
  });
  const { models } = openTest(config, { timeouts: { idleMs: 500 } });
  const read = async (index: number) => {
    const abort = new AbortController();
    let parts = 0;
    for await (const _ of models.stream({ ...request, model: `m${index % 7}` }, abort.signal, ledger)) {
      parts += 1;
      if (index % 3 === 1 && parts === 2) abort.abort();
      if (index % 3 === 2 && parts === 3) break;
    }
  };
  await Promise.allSettled(Array.from({ length: 120 }, (_, index) => read(index)));
  assert.ok(ledger.rows.length >= 120);
  assert.equal(settled, ledger.rows.length);
  const outcomes = new Set(ledger.rows.map(({ end }) => end!.outcome));
  for (const outcome of ['ok', 'cancelled', 'abandoned', 'malformed_answer', 'upstream_error', 'rate_limited'])
    assert.ok(outcomes.has(outcome), `none was ${outcome}`);
  await until(() => upstream.open === 0);
});

describe('a server that cuts a prompt without a word', () => {
  const openLocal = () => openTest(settingsFor('openai-compatible', upstream.url)).models;
  const long = { ...request, messages: [{ role: 'user' as const, text: 'word '.repeat(8_000) }] };
  const cut = { text, usage: { inputTokens: 4_080, outputTokens: 9, cachedTokens: 0, reasoningTokens: 0 } };

  it('gives an error instead of an answer, books what it read, and tells its window', async () => {
    upstream.script([cut]);
    const ledger = keptLedger();
    const models = openLocal();
    assert.equal(models.describe(null).contextTokens, null);
    await assert.rejects(collect(models.stream(long, signal(), ledger)), {
      reason: 'context_truncated',
      message: /read 4080 tokens of a prompt of about 100\d\d/,
    });
    const [{ end }] = ledger.rows as [(typeof ledger.rows)[number]];
    assert.deepEqual([end?.outcome, end?.usage.input], ['context_truncated', 4_080]);
    assert.equal(models.describe(null).contextTokens, 4_096);
  });

  it('answers as before where it read all', async () => {
    upstream.script([{ ...cut, usage: { ...cut.usage, inputTokens: 8_010 } }]);
    assert.equal(textOf(await collect(openLocal().stream(long, signal()))), text.join(''));
  });
});
