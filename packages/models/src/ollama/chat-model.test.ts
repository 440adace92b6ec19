import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';
import type { ModelRequest } from '../model.ts';
import { localServerOf } from '../targets.ts';
import { collect, finishOf, openTest, request, settingsFor, signal } from '../../test/gateway.ts';

const tool = (name: string) => ({ name, description: `It ${name}s.`, inputSchema: { type: 'object', properties: {} } });

describe('Ollama by its own API', () => {
  let upstream: FakeUpstream;
  const directory = mkdtempSync(join(tmpdir(), 'reeve-ollama-'));
  const table = join(directory, 'models.yaml');
  before(async () => {
    upstream = await startFakeUpstream();
    writeFileSync(
      table,
      'models:\n  ollama/known:\n    context_tokens: 16384\n    max_output_tokens: 2000\n    usd_per_million: { input: 0, output: 0 }\n',
    );
  });
  afterEach(() => upstream.reset());
  after(async () => {
    rmSync(directory, { recursive: true });
    await upstream[Symbol.asyncDispose]();
  });

  const root = () => upstream.url.replace(/\/v1$/, '');
  async function sent(asked: Partial<ModelRequest>, variables: Readonly<Record<string, string>> = {}, url = root()) {
    upstream.script([{ text: ['ok'] }]);
    const { models } = openTest(settingsFor('ollama', url, { REEVE_MODELS_FILE: table, ...variables }));
    await collect(models.stream({ ...request, ...asked }, signal()));
    return upstream.requests.at(-1)!;
  }

  it('is asked at /api/chat, whichever of its addresses is given', async () => {
    for (const path of ['', '/', '/v1', '/v1/', '/api']) {
      assert.equal((await sent({}, {}, root() + path)).path, '/api/chat', path);
      // What it says of itself is asked from there too.
      assert.equal(localServerOf(settingsFor('ollama', root() + path), 'ollama')?.baseUrl, root(), path);
    }
  });

  it('loads a model of the table with the window that it has there, the same at each call, and keeps it as it is told', async () => {
    const variables = { LLM_MODEL: 'known', LLM_KEEP_ALIVE: '30m' };
    const first = await sent({}, variables);
    const second = await sent(
      { messages: [{ role: 'user', text: 'x'.repeat(9_000) }], maxOutputTokens: 50 },
      variables,
    );
    for (const { body } of [first, second]) {
      assert.equal((body['options'] as { num_ctx: number }).num_ctx, 16_384);
      assert.equal(body['keep_alive'], '30m');
    }
    assert.equal((await sent({}, { LLM_KEEP_ALIVE: '-1' })).body['keep_alive'], -1);
  });

  it('leaves the window of another model, and how long it stays, to the server', async () => {
    const { body } = await sent({});
    assert.deepEqual(Object.keys(body['options'] as object), ['num_predict']);
    assert.ok(!('keep_alive' in body));
  });

  it('asks the server to refuse a prompt that is too long, instead of cutting it', async () => {
    const { body } = await sent({});
    assert.deepEqual([body['truncate'], body['shift']], [false, false]);
  });

  it('offers the tool alone that is to be called, and none where none may be', async () => {
    const tools = [tool('add'), tool('subtract')];
    assert.deepEqual((await sent({ tools })).tools, ['add', 'subtract']);
    assert.deepEqual((await sent({ tools, toolChoice: { tool: 'subtract' } })).tools, ['subtract']);
    assert.deepEqual((await sent({ tools, toolChoice: 'none' })).tools, []);
  });

  it('has names of models with slashes', async () => {
    assert.equal(
      (await sent({ model: 'hf.co/bartowski/Qwen3-8B-GGUF:Q4_K_M' })).model,
      'hf.co/bartowski/Qwen3-8B-GGUF:Q4_K_M',
    );
    assert.equal((await sent({ model: 'ollama/qwen3:8b' })).model, 'qwen3:8b');
  });

  it('streams what the model thinks apart from its text, and says why it ended', async () => {
    upstream.script([{ thinking: ['Hm', 'm.'], text: ['Well', '.'], finish: 'length' }]);
    const parts = await collect(openTest(settingsFor('ollama', root())).models.stream(request, signal()));
    assert.deepEqual(
      parts.slice(0, -1),
      [
        ['thinking', 'Hm'],
        ['thinking', 'm.'],
        ['text', 'Well'],
        ['text', '.'],
      ].map(([type, delta]) => ({ type, delta })),
    );
    assert.equal(finishOf(parts).reason, 'length');
  });
});
