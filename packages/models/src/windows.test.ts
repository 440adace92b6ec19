import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '@reeve/kit';
import { createWindows, windowIn } from './windows.ts';

const usage = (inputTokens: number, estimated = false) => ({
  inputTokens,
  outputTokens: 5,
  cachedTokens: 0,
  reasoningTokens: 0,
  estimated,
});

const target = { provider: 'openai-compatible', model: 'qwen3' } as const;

describe('the window of a model that the table does not have', () => {
  it('is unknown, then what its server says, which is asked once in a while', async () => {
    let asked = 0;
    const read = async () => (asked += 1) * 1_000;
    const windows = createWindows({ read, log: silentLog });
    assert.equal(windows.of(target), undefined);
    await Promise.all([windows.ask(target), windows.ask(target)]);
    await windows.ask(target);
    assert.deepEqual([windows.of(target), asked], [1_000, 1]);
    assert.equal(windows.of({ ...target, model: 'other' }), undefined);
  });

  it('is asked for again soon where the server did not say it, as one does that has not loaded the model yet', async () => {
    let time = 0;
    const said = [undefined, 4_096, 4_096];
    let asked = 0;
    const windows = createWindows({ read: async () => said[asked++], log: silentLog, now: () => time });
    await windows.ask(target);
    time = 31_000;
    await windows.ask(target);
    assert.equal(windows.of(target), 4_096);
    time = 62_000;
    await windows.ask(target);
    assert.equal(asked, 2);
    time = 700_000;
    await windows.ask(target);
    assert.equal(asked, 3);
  });

  it('stays unknown where nobody says it, until an error does', async () => {
    const windows = createWindows({ read: () => undefined, log: silentLog });
    await windows.ask(target);
    assert.equal(windows.of(target), undefined);
    windows.learn(target, 'openai-compatible answered 400: something else');
    assert.equal(windows.of(target), undefined);
    windows.learn(
      target,
      'openai-compatible answered 400: request (5120 tokens) exceeds the available context size (4096 tokens), try increasing it',
    );
    assert.equal(windows.of(target), 4_096);
  });

  const messages: readonly (readonly [message: string, tokens: number | undefined])[] = [
    ['{"error":{"code":400,"n_prompt_tokens":5120,"n_ctx":4096}}', 4_096],
    ["This model's maximum context length is 8192 tokens. However, you requested 9000 tokens", 8_192],
    ['This model’s maximum context length is 131072 tokens', 131_072],
    ['the prompt exceeds the context window of 32768 tokens', 32_768],
    ['prompt is too long: 208310 tokens > 200000 maximum', 200_000],
    ['input is too long', undefined],
  ];
  for (const [message, tokens] of messages)
    it(`is ${tokens} by “${message.slice(0, 60)}”`, () => assert.equal(windowIn(message), tokens));

  it('is what a server read that cut a longer prompt without a word', () => {
    const windows = createWindows({ read: () => undefined, log: silentLog });
    const error = windows.errorOfCut(target, () => 9_800, usage(4_090));
    assert.equal(error?.reason, 'context_truncated');
    assert.match(error.message, /qwen3 read 4090 tokens of a prompt of about 9800.*OLLAMA_CONTEXT_LENGTH/);
    assert.equal(windows.of(target), 4_096);
    // Once it is known, less of it may have been read: servers drop whole messages.
    assert.equal(windows.errorOfCut(target, () => 9_800, usage(1_700))?.reason, 'context_truncated');
  });

  const whole: readonly (readonly [why: string, sent: number, reported: ReturnType<typeof usage>])[] = [
    ['our estimate is a little high', 5_000, usage(4_090)],
    ['the text repeats itself', 9_800, usage(3_000)],
    ['the server reports nothing', 9_800, usage(4_090, true)],
    ['it is short', 40, usage(12)],
    ['nobody starts a server with so little', 2_400, usage(1_000)],
  ];
  for (const [why, sent, reported] of whole)
    it(`is not learnt from a prompt that was read whole: ${why}`, () => {
      const windows = createWindows({ read: () => undefined, log: silentLog });
      assert.equal(
        windows.errorOfCut(target, () => sent, reported),
        undefined,
      );
      assert.equal(windows.of(target), undefined);
    });

  it('of a hosted provider is not: it refuses what it has no room for', () => {
    const windows = createWindows({ read: () => undefined, log: silentLog });
    assert.equal(
      windows.errorOfCut({ provider: 'openai', model: 'm' }, () => 9_800, usage(4_090)),
      undefined,
    );
  });

  it('is not taken for filled where the prompt fits it', async () => {
    const windows = createWindows({ read: async () => 32_768, log: silentLog });
    await windows.ask(target);
    assert.equal(
      windows.errorOfCut(target, () => 9_800, usage(3_000)),
      undefined,
    );
  });
});
