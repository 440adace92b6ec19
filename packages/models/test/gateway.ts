import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { createLog, loadConfig, ReeveError, silentLog } from '@reeve/kit';
import type { CallAttempt, CallEnd, CallLedger } from '@reeve/ledger';
import { modelSettings, type ModelConfig, type RemoteProvider } from '../src/config.ts';
import type { ModelPart, ModelRequest } from '../src/model.ts';
import { openModels, type OpenOptions } from '../src/open.ts';

/** What the tests of this package share. */
export const REMOTES: readonly RemoteProvider[] = ['openai', 'anthropic', 'google', 'ollama', 'openai-compatible'];
export const KEY = 'sk-secret-0123456789';

export const request: ModelRequest = {
  model: null,
  system: 'Be brief.',
  context: [],
  messages: [{ role: 'user', text: 'Hello' }],
  tools: [],
};

export const signal = () => new AbortController().signal;
export const textOf = (parts: readonly ModelPart[]) =>
  parts.map((part) => (part.type === 'text' ? part.delta : '')).join('');
export const finishOf = (parts: readonly ModelPart[]) => {
  const last = parts.at(-1);
  assert.equal(last?.type, 'finish');
  return last as Extract<ModelPart, { type: 'finish' }>;
};

/** The settings that variables give. */
export function readSettings(variables: Readonly<Record<string, string>>): ModelConfig {
  return loadConfig(modelSettings, variables).config;
}

/** Settings for a provider that is in truth at `url`, with keys for all of them. */
export function settingsFor(
  provider: RemoteProvider,
  url: string,
  more: Readonly<Record<string, string>> = {},
): ModelConfig {
  return readSettings({
    LLM_PROVIDER: provider,
    LLM_MODEL: 'test-model',
    LLM_BASE_URL: url,
    OPENAI_API_KEY: KEY,
    ANTHROPIC_API_KEY: KEY,
    GOOGLE_GENERATIVE_AI_API_KEY: KEY,
    LLM_API_KEY: KEY,
    ...more,
  });
}

/** A gateway whose pauses are recorded instead of waited for. */
export function openTest(config: ModelConfig, options: OpenOptions = {}) {
  const pauses: number[] = [];
  const sleep = async (ms: number) => void pauses.push(ms);
  return { models: openModels(config, silentLog, { sleep, random: () => 0.5, ...options }), pauses };
}

export async function collect(stream: AsyncIterable<ModelPart>): Promise<ModelPart[]> {
  const parts: ModelPart[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

/** A log whose lines are kept. */
export function keptLog() {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      for (const line of chunk.toString().split('\n'))
        if (line !== '') lines.push(JSON.parse(line) as (typeof lines)[0]);
      done();
    },
  });
  return { log: createLog('test', { level: 'debug', format: 'json', destination }), lines };
}

/** A call that must fail: its error, what had come before, and the pauses between the attempts. */
export async function failure<Reply>(
  upstream: { readonly url: string; script(replies: readonly Reply[]): void },
  provider: RemoteProvider,
  replies: readonly Reply[],
  options: OpenOptions = {},
  asked = request,
) {
  upstream.script(replies);
  const { models, pauses } = openTest(settingsFor(provider, upstream.url), options);
  const parts: ModelPart[] = [];
  try {
    for await (const part of models.stream(asked, signal())) parts.push(part);
  } catch (error) {
    assert.ok(error instanceof ReeveError, String(error));
    assert.ok(!error.message.includes(KEY), 'the key is in the message');
    assert.ok(error.message.includes(provider), error.message);
    return { error, parts, pauses };
  }
  assert.fail('the stream ended without an error');
}

export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    assert.ok(Date.now() < end, 'the condition did not come true within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A ledger that keeps what it was told. */
export interface KeptLedger extends CallLedger {
  readonly rows: { readonly attempt: CallAttempt; end: CallEnd | undefined }[];
}

export function keptLedger(
  refuse?: (attempt: CallAttempt) => ReeveError | undefined,
  onSettle: () => Promise<void> = async () => undefined,
): KeptLedger {
  const rows: KeptLedger['rows'] = [];
  return {
    rows,
    async begin(attempt) {
      const error = refuse?.(attempt);
      if (error !== undefined) throw error;
      const row: KeptLedger['rows'][number] = { attempt, end: undefined };
      rows.push(row);
      return {
        settle: async (end) => {
          row.end ??= end;
          await onSettle();
        },
      };
    },
  };
}
