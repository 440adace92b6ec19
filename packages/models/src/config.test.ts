import assert from 'node:assert/strict';
import { it } from 'node:test';
import { loadConfig, silentLog, type ReeveError } from '@reeve/kit';
import { modelSettings, remoteConfig, type ModelConfig } from './config.ts';
import { resolveModelName } from './model-name.ts';
import { openModels } from './open.ts';

const read = (environment: Record<string, string>): ModelConfig => loadConfig(modelSettings, environment).config;

it('needs no setting: the built-in model answers', () => {
  const models = openModels(read({}), silentLog);
  assert.equal(models.provider, 'mock');
  assert.equal(models.defaultModel, 'mock');
  assert.equal(models.health().status, 'ok');
});

for (const [provider, variable] of [
  ['openai', 'OPENAI_API_KEY'],
  ['anthropic', 'ANTHROPIC_API_KEY'],
  ['google', 'GOOGLE_GENERATIVE_AI_API_KEY'],
] as const) {
  it(`names ${variable} where ${provider} has no key`, () => {
    assert.throws(
      () => openModels(read({ LLM_PROVIDER: provider }), silentLog),
      (error: ReeveError) => {
        assert.equal(error.reason, 'invalid_request');
        assert.deepEqual(
          error.details.map(({ path }) => path),
          [variable],
        );
        return true;
      },
    );
  });

  it(`opens ${provider} with only its key, and with LLM_MODEL as its default model`, () => {
    assert.notEqual(openModels(read({ LLM_PROVIDER: provider, [variable]: 'k' }), silentLog).defaultModel, '');
    assert.equal(
      openModels(read({ LLM_PROVIDER: provider, [variable]: 'k', LLM_MODEL: 'm' }), silentLog).defaultModel,
      'm',
    );
  });
}

it('names everything that an openai-compatible server lacks, and asks for no key', () => {
  assert.throws(
    () => openModels(read({ LLM_PROVIDER: 'openai-compatible' }), silentLog),
    /LLM_BASE_URL is not set.*\n.*LLM_MODEL is not set/,
  );
  const config = remoteConfig(
    read({ LLM_PROVIDER: 'openai-compatible', LLM_BASE_URL: 'http://localhost:11434/v1', LLM_MODEL: 'm' }),
    'openai-compatible',
  );
  assert.equal(config.apiKey, undefined);
});

it('refuses an unknown provider and a base URL that is none, naming what is allowed', () => {
  assert.throws(() => read({ LLM_PROVIDER: 'skynet' }), /LLM_PROVIDER is "skynet", but it must be one of mock, openai/);
  assert.throws(
    () => read({ LLM_BASE_URL: 'localhost:11434' }),
    /LLM_BASE_URL is "localhost:11434", but it must be an http/,
  );
});

it('takes a model by its bare name or with the prefix of the provider, and the default where none is named', () => {
  assert.equal(resolveModelName('openai', 'd', null), 'd');
  assert.equal(resolveModelName('openai', 'd', ' '), 'd');
  assert.equal(resolveModelName('openai', 'd', 'gpt-5'), 'gpt-5');
  assert.equal(resolveModelName('openai', 'd', 'openai/gpt-5'), 'gpt-5');
  assert.equal(resolveModelName('google', 'd', 'models/gemini-x'), 'models/gemini-x');
  assert.equal(resolveModelName('openai-compatible', 'd', 'meta-llama/Llama-4'), 'meta-llama/Llama-4');
  assert.equal(resolveModelName('openai-compatible', 'd', 'openai/gpt-oss'), 'openai/gpt-oss');
});

it('refuses a model of another provider or of an unknown one', () => {
  assert.throws(
    () => resolveModelName('openai', 'd', 'anthropic/claude'),
    /names the provider anthropic, but this server calls openai \(LLM_PROVIDER\)/,
  );
  assert.throws(() => resolveModelName('anthropic', 'd', 'skynet/t-800'), /unknown provider, "skynet"/);
});
