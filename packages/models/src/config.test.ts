import assert from 'node:assert/strict';
import { it } from 'node:test';
import { loadConfig, silentLog, type ReeveError } from '@reeve/kit';
import { modelSettings, type ModelConfig } from './config.ts';
import { providerTimeouts } from './providers/timeouts.ts';
import { resolveModel } from './model-name.ts';
import { openModels } from './open.ts';
import { targetsOf } from './targets.ts';

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
  const given = { LLM_PROVIDER: 'openai-compatible', LLM_BASE_URL: 'http://localhost:11434/v1', LLM_MODEL: 'm' };
  assert.equal(targetsOf(read(given)).remotes.get('openai-compatible')!.apiKey, undefined);
});

it('names the key that a fallback lacks, and takes each provider’s own address', () => {
  const fallbacks = 'anthropic/claude-sonnet-5, google/gemini-x,openai-compatible/a/b';
  const given = {
    LLM_PROVIDER: 'openai',
    OPENAI_API_KEY: 'k',
    LLM_BASE_URL: 'http://proxy/v1',
    LLM_FALLBACKS: fallbacks,
  };
  assert.throws(
    () => openModels(read(given), silentLog),
    (error: ReeveError) => {
      assert.deepEqual(
        error.details.map(({ path }) => path),
        ['ANTHROPIC_API_KEY', 'GOOGLE_GENERATIVE_AI_API_KEY'],
      );
      assert.match(error.message, /LLM_FALLBACKS names anthropic\/claude-sonnet-5, but ANTHROPIC_API_KEY is not set/);
      return true;
    },
  );
  const targets = targetsOf(read({ ...given, ANTHROPIC_API_KEY: 'k', GOOGLE_GENERATIVE_AI_API_KEY: 'k' }));
  assert.deepEqual(targets.fallbacks, [
    { provider: 'anthropic', model: 'claude-sonnet-5' },
    { provider: 'google', model: 'gemini-x' },
    { provider: 'openai-compatible', model: 'a/b' },
  ]);
  const addresses = [...targets.remotes].map(([provider, { baseUrl }]) => [provider, new URL(baseUrl).host]);
  assert.deepEqual(Object.fromEntries(addresses), {
    openai: 'proxy',
    anthropic: 'api.anthropic.com',
    google: 'generativelanguage.googleapis.com',
    'openai-compatible': 'proxy',
  });
});

it('takes its timeouts from the settings, and waits for headers as long as for the first token', () => {
  const given = { LLM_FIRST_TOKEN_TIMEOUT_MS: '2000', LLM_IDLE_TIMEOUT_MS: '700' };
  const { headersMs, firstTokenMs, idleMs } = providerTimeouts(read(given));
  assert.deepEqual([headersMs, firstTokenMs, idleMs], [2_000, 2_000, 700]);
  assert.equal(providerTimeouts(read({})).headersMs, 300_000);
});

it('refuses fallbacks that are no models, the built-in model and strange times', () => {
  for (const list of ['gpt-5', 'mock/mock', 'skynet/t', 'openai/', 'openai/a,,b'])
    assert.throws(() => read({ LLM_FALLBACKS: list }), /LLM_FALLBACKS is .* but it must be a list such as anthropic\//);
  assert.throws(() => read({ LLM_IDLE_TIMEOUT_MS: '0' }), /LLM_IDLE_TIMEOUT_MS is "0", but it must be at least 1/);
  assert.throws(() => read({ LLM_FIRST_TOKEN_TIMEOUT_MS: 'soon' }), /it must be a number of milliseconds/);
});

it('refuses an unknown provider and a base URL that is none, naming what is allowed', () => {
  assert.throws(() => read({ LLM_PROVIDER: 'skynet' }), /LLM_PROVIDER is "skynet", but it must be one of mock, openai/);
  assert.throws(
    () => read({ LLM_BASE_URL: 'localhost:11434' }),
    /LLM_BASE_URL is "localhost:11434", but it must be an http/,
  );
});

const ask = (variables: Record<string, string>, name: string | null) => resolveModel(targetsOf(read(variables)), name);
const OPENAI = { LLM_PROVIDER: 'openai', LLM_MODEL: 'd', OPENAI_API_KEY: 'k' };
const COMPATIBLE = { LLM_PROVIDER: 'openai-compatible', LLM_MODEL: 'd', LLM_BASE_URL: 'http://localhost/v1' };

it('takes a model by its bare name or with the prefix of the provider, and the default where none is named', () => {
  for (const [name, model] of [
    [null, 'd'],
    [' ', 'd'],
    ['gpt-5', 'gpt-5'],
    ['openai/gpt-5', 'gpt-5'],
  ] as const)
    assert.deepEqual(ask(OPENAI, name), { provider: 'openai', model });
  const google = { LLM_PROVIDER: 'google', GOOGLE_GENERATIVE_AI_API_KEY: 'k' };
  assert.equal(ask(google, 'models/gemini-x').model, 'models/gemini-x');
});

it('takes a model of another provider that is configured too', () => {
  assert.deepEqual(ask({ ...OPENAI, ANTHROPIC_API_KEY: 'k' }, 'anthropic/claude'), {
    provider: 'anthropic',
    model: 'claude',
  });
  assert.deepEqual(ask({ OPENAI_API_KEY: 'k' }, 'openai/gpt-5'), { provider: 'openai', model: 'gpt-5' });
});

it('leaves names with a slash to a compatible server, unless LLM_FALLBACKS names their provider', () => {
  const both = { ...COMPATIBLE, OPENAI_API_KEY: 'k' };
  assert.equal(ask(COMPATIBLE, 'meta-llama/Llama-4').model, 'meta-llama/Llama-4');
  assert.deepEqual(ask(both, 'openai/gpt-oss'), { provider: 'openai-compatible', model: 'openai/gpt-oss' });
  assert.deepEqual(ask({ ...both, LLM_FALLBACKS: 'openai/gpt-5' }, 'openai/gpt-5-mini'), {
    provider: 'openai',
    model: 'gpt-5-mini',
  });
});

it('refuses a model of a provider without a key or of an unknown one', () => {
  assert.throws(
    () => ask(OPENAI, 'anthropic/claude'),
    /names the provider anthropic, which has no key here\. This server calls openai\. Name one of their models, or none for "d"/,
  );
  assert.throws(() => ask(OPENAI, 'skynet/t-800'), /unknown provider, "skynet"/);
});
