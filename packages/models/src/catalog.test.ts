import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { silentLog, type ReeveError } from '@reeve/kit';
import { openCatalog } from './catalog.ts';
import { SHIPPED_MODELS_FILE } from './config.ts';
import { openModels } from './open.ts';
import { keptLog, readSettings } from '../test/gateway.ts';

const directory = mkdtempSync(join(tmpdir(), 'reeve-models-'));
after(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, `${Math.random()}.yaml`);
  writeFileSync(path, text);
  return path;
}
const open = (text: string) => openCatalog(file(text), silentLog);
const entry = (input: number) =>
  `{ context_tokens: 1000, max_output_tokens: 100, images: true, usd_per_million: { input: ${input}, cached_input: 0.07, output: 3 } }`;
const openai = (model: string) => ({ provider: 'openai', model }) as const;

it('prices a model by its name in full, else by the first pattern that fits', () => {
  const catalog = open(`models:\n  openai/gpt*: ${entry(1)}\n  openai/g*: ${entry(2)}\n  openai/gpt-5: ${entry(4)}\n`);
  const priceOf = (model: string) => catalog.describe(openai(model)).price?.inputNano;
  assert.equal(priceOf('gpt-5'), 4_000);
  assert.equal(priceOf('gpt-6'), 1_000);
  assert.equal(priceOf('gamma/x'), 2_000);
  assert.equal(priceOf('other'), undefined);
  assert.equal(catalog.describe({ provider: 'google', model: 'gpt-5' }).price, null);
  assert.deepEqual(catalog.describe(openai('gpt-5')), {
    id: 'openai/gpt-5',
    provider: 'openai',
    contextTokens: 1_000,
    maxOutputTokens: 100,
    takesImages: true,
    price: { inputNano: 4_000, cachedInputNano: 70, outputNano: 3_000 },
  });
});

it('takes nothing in a pattern but the star for more than itself', () => {
  const catalog = open(`models:\n  openai/a.c: ${entry(1)}\n  openai/(x*: ${entry(2)}\n`);
  assert.ok(!catalog.knows(openai('abc')));
  assert.ok(catalog.knows(openai('(xyz')));
});

it('takes cached input for the price of input where nothing is said', () => {
  const catalog = open(
    'models:\n  openai/a: { context_tokens: 1, max_output_tokens: 1, usd_per_million: { input: 2, output: 3 } }\n',
  );
  assert.equal(catalog.describe(openai('a')).price?.cachedInputNano, 2_000);
});

it('has no price for a model that it does not know, and warns once', () => {
  const { log, lines } = keptLog();
  const catalog = openCatalog(SHIPPED_MODELS_FILE, log);
  for (let count = 0; count < 3; count += 1) assert.equal(catalog.priceOf(openai('gpt-99')), null);
  assert.equal(catalog.priceOf({ provider: 'google', model: 'gemini-flash-latest' }), null, 'an alias');
  assert.deepEqual(
    lines.map(({ level, model }) => [level, model]),
    [
      ['warn', 'openai/gpt-99'],
      ['warn', 'google/gemini-flash-latest'],
    ],
  );
  assert.ok(catalog.priceOf(openai('gpt-4o')));
  assert.equal(lines.length, 2);
});

for (const [what, text, message] of [
  ['is no YAML', 'models:\n  openai/a: {\n', /line \d+: /],
  ['is empty', '', /line 1: the file: it must hold a mapping named models$/],
  [
    'has a field it should not have',
    `models:\n  openai/a: ${entry(1)}\nprices: 1\n`,
    /line 1: the file: it has no field prices/,
  ],
  [
    'has a negative price',
    'models:\n  openai/a:\n    context_tokens: 1\n    max_output_tokens: 1\n    usd_per_million:\n      input: -1\n      output: 1\n',
    /line 6: models\.openai\/a\.usd_per_million\.input: it must not be negative/,
  ],
  [
    'has a price in words',
    'models:\n  openai/a: { context_tokens: 1, max_output_tokens: 1, usd_per_million: { input: free, output: 1 } }\n',
    /line 2: models\.openai\/a\.usd_per_million\.input: it must be a number of US dollars/,
  ],
  [
    'lacks a field',
    'models:\n  openai/a: { context_tokens: 1, usd_per_million: null }\n',
    /line 2: models\.openai\/a\.max_output_tokens: it must be a number of tokens/,
  ],
  [
    'has a name without a provider',
    `models:\n  gpt: ${entry(1)}\n`,
    /line 2: models\.gpt: a model is named provider\/model/,
  ],
] as const) {
  it(`stops the start where the table ${what}, with file and line`, () => {
    const path = file(text);
    assert.throws(
      () => openModels(readSettings({ REEVE_MODELS_FILE: path }), silentLog),
      (error: ReeveError) => {
        assert.equal(error.reason, 'invalid_request');
        assert.ok(error.message.startsWith(`${path}, line `), error.message);
        assert.match(error.message, message);
        assert.deepEqual([...new Set(error.details.map(({ path: variable }) => variable))], ['REEVE_MODELS_FILE']);
        return true;
      },
    );
  });
}

it('says that the table cannot be read', () => {
  assert.throws(
    () => openModels(readSettings({ REEVE_MODELS_FILE: '/no/such.yaml' }), silentLog),
    /REEVE_MODELS_FILE is "\/no\/such\.yaml", but that file cannot be read/,
  );
});

it('describes and lists models by the names that a request can use', () => {
  const config = readSettings({
    LLM_PROVIDER: 'anthropic',
    ANTHROPIC_API_KEY: 'k',
    LLM_MODEL: 'claude-x',
    OPENAI_API_KEY: 'k',
  });
  const models = openModels(config, silentLog);
  assert.equal(models.describe(null).id, 'anthropic/claude-x');
  assert.equal(models.describe('openai/gpt-4o').maxOutputTokens, 16_384);
  assert.equal(models.describe('google/gemini-2.5-pro').contextTokens, 200_000, 'known, though not to be asked here');
  assert.deepEqual(
    { ...models.describe('who'), id: '' },
    {
      id: '',
      provider: 'anthropic',
      contextTokens: null,
      maxOutputTokens: 8_192,
      takesImages: null,
      price: null,
    },
  );
  const ids = models.list().map(({ id }) => id);
  assert.equal(ids[0], 'anthropic/claude-x');
  assert.ok(ids.includes('anthropic/claude-sonnet-5') && ids.includes('openai/gpt-4o'));
  assert.ok(!ids.some((id) => id.startsWith('google/') || id.includes('*') || id.includes('embedding')));
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(
    openModels(readSettings({}), silentLog)
      .list()
      .map(({ id, price }) => [id, price?.outputNano]),
    [['mock', 0]],
  );
});
