// runs in: its own process
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { it } from 'node:test';
import { metrics, silentLog } from '@reeve/kit';
import { startFakeUpstream } from '@reeve/testing/upstream';
import type { ModelRequest } from './model.ts';
import { openModels } from './open.ts';
import { readSettings } from '../test/gateway.ts';

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
  const given = { LLM_PROVIDER: 'openai-compatible', LLM_MODEL: 'm', LLM_BASE_URL: upstream.url };
  const models = openModels(readSettings(given), silentLog);
  const signal = new AbortController().signal;
  assert.deepEqual(models.health(), { status: 'ok' });
  upstream.script([{ status: 401, message: 'no' }, { text: ['ok'] }, { status: 404 }]);
  await assert.rejects(drain(models.stream(request, signal)), { reason: 'provider_key_refused' });
  assert.equal(models.health().status, 'degraded');
  assert.match(models.health().message!, /401/);
  await drain(models.stream(request, signal));
  assert.equal(models.health().status, 'ok');
  assert.equal(typeof models.health().latency_ms, 'number');
  await assert.rejects(drain(models.stream(request, signal)), { reason: 'invalid_request' });
  assert.equal(models.health().status, 'ok', 'a wrong model name is not the provider’s fault');

  const text = await metrics.metrics();
  for (const outcome of ['provider_key_refused', 'ok', 'invalid_request']) {
    assert.match(
      text,
      new RegExp(`reeve_model_calls_total\\{provider="openai-compatible",outcome="${outcome}"\\} 1\n`),
    );
  }
  const labels = 'provider="openai-compatible",model="m"';
  assert.match(text, new RegExp(`reeve_model_attempts_total\\{${labels},outcome="ok"\\} 1\n`));
  assert.match(text, new RegExp(`reeve_model_attempt_seconds_count\\{${labels}\\} 3\n`));
  assert.match(text, new RegExp(`reeve_model_first_token_seconds_count\\{${labels}\\} 1\n`));
});

it('makes no series for a model that only a request names', async () => {
  await using upstream = await startFakeUpstream();
  upstream.respond(() => ({ text: ['ok'] }));
  const given = { LLM_PROVIDER: 'openai-compatible', LLM_MODEL: 'm', LLM_BASE_URL: upstream.url };
  const models = openModels(readSettings(given), silentLog);
  await drain(models.stream({ ...request, model: 'made/up-1' }, new AbortController().signal));
  await drain(models.stream({ ...request, model: 'made/up-2' }, new AbortController().signal));
  const text = await metrics.metrics();
  assert.ok(!text.includes('made/up'));
  assert.match(text, /reeve_model_attempts_total\{provider="openai-compatible",model="other",outcome="ok"\} 2\n/);
});

it('loads no provider’s package where the built-in model answers', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
    const { modelSettings, openModels } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    const { loadConfig } = await import(${JSON.stringify(import.meta.resolve('@reeve/kit'))});
    for await (const _ of openModels(loadConfig(modelSettings, {}).config, console).stream(${JSON.stringify(request)}, new AbortController().signal));
    console.log(JSON.stringify(loaded.filter((url) => /@ai-sdk|undici/.test(url))));
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(output), []);
});
