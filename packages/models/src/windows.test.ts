import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '@reeve/kit';
import { createWindows, windowIn } from './windows.ts';

const target = { provider: 'openai-compatible', model: 'qwen3' } as const;

describe('the window of a model that the table does not have', () => {
  it('is unknown, then what its server says, which is asked once in a while', async () => {
    let asked = 0;
    const read = async () => ({ slots: undefined, contextTokens: (asked += 1) * 1_000 });
    const windows = createWindows({ read, log: silentLog });
    assert.equal(windows.of(target), undefined);
    await Promise.all([windows.ask(target), windows.ask(target)]);
    await windows.ask(target);
    assert.deepEqual([windows.of(target), asked], [1_000, 1]);
    assert.equal(windows.of({ ...target, model: 'other' }), undefined);
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
});
