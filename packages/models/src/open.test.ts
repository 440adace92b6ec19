import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { metrics, silentLog } from '@reeve/kit';
import { startFakeUpstream } from '../../testing/src/upstream/index.ts';
import type { ModelConfig } from './config.ts';
import type { ModelRequest } from './model.ts';
import { openModels } from './open.ts';

const request: ModelRequest = {
  model: null,
  system: '',
  context: [],
  messages: [{ role: 'user', text: 'Hello' }],
  tools: [],
};

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

it('turns degraded when the provider fails, says why, and ok again with the next success', async () => {
  await using upstream = await startFakeUpstream();
  const models = openModels(
    { llmProvider: 'openai-compatible', llmModel: 'm', llmBaseUrl: upstream.url } as ModelConfig,
    silentLog,
  );
  const signal = new AbortController().signal;
  assert.deepEqual(models.health(), { status: 'ok' });
  upstream.script([{ status: 401, message: 'no' }, { text: ['ok'] }, { status: 404 }]);
  await assert.rejects(drain(models.stream(request, signal)), { reason: 'upstream_error' });
  assert.equal(models.health().status, 'degraded');
  assert.match(models.health().message!, /401/);
  await drain(models.stream(request, signal));
  assert.equal(models.health().status, 'ok');
  assert.equal(typeof models.health().latency_ms, 'number');
  await assert.rejects(drain(models.stream(request, signal)), { reason: 'invalid_request' });
  assert.equal(models.health().status, 'ok', 'a wrong model name is not the provider’s fault');

  const text = await metrics.metrics();
  for (const outcome of ['upstream_error', 'ok', 'invalid_request']) {
    assert.match(
      text,
      new RegExp(`reeve_model_calls_total\\{provider="openai-compatible",outcome="${outcome}"\\} 1\n`),
    );
  }
  assert.match(text, /reeve_model_call_seconds_count\{provider="openai-compatible"\} 3\n/);
});

it('loads no provider’s package where the built-in model answers', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const { openModels } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    for await (const _ of openModels({ llmProvider: 'mock' }, console).stream(${JSON.stringify(request)}, new AbortController().signal));
    console.log(JSON.stringify(loaded.filter((url) => /@ai-sdk|undici/.test(url))));
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(output), []);
});
