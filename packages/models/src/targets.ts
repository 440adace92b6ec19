import { ReeveError } from '@reeve/kit';
import type { EmbeddingProvider, ModelConfig, Provider, RemoteProvider } from './config.ts';

/** The connection settings of a remote provider. */
export interface RemoteConfig {
  readonly provider: RemoteProvider;
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  /** The environment variable of the key, for messages. */
  readonly keyVariable: string;
}

/** A model of a provider of answers or embeddings, as recorded in ledger and metrics. */
export interface CalledModel {
  readonly provider: Provider | EmbeddingProvider;
  /** The provider's own name of it. */
  readonly model: string;
}

/** A model of a provider of answers. */
export interface Target extends CalledModel {
  readonly provider: Provider;
}

/** The models and providers that the settings configure. */
export interface Targets {
  /** The default, for requests that name no model. */
  readonly first: Target;
  /** The fallbacks, in their order. */
  readonly fallbacks: readonly Target[];
  /** Every provider with complete settings. */
  readonly remotes: ReadonlyMap<Provider, RemoteConfig>;
}

/** True of the providers whose servers people run themselves. */
export function isLocal(provider: string): provider is 'openai-compatible' | 'ollama' {
  return provider === 'openai-compatible' || provider === 'ollama';
}

/** True where a provider's server takes OpenAI's chat completions. */
export function takesChatCompletions({ provider }: RemoteConfig): boolean {
  return provider === 'openai' || provider === 'openai-compatible';
}

interface Missing {
  readonly path: string;
  readonly message: string;
}

/** Reads the targets from the settings. Throws `invalid_request` naming every missing variable. */
export function targetsOf(config: ModelConfig): Targets {
  const missing: Missing[] = [];
  const need = (asks: string, provider: RemoteProvider) => missing.push(...missingOf(config, provider, asks));
  const { llmProvider } = config;
  if (llmProvider !== 'mock') {
    need(`LLM_PROVIDER is ${llmProvider}`, llmProvider);
    if (defaultModel(config) === undefined) {
      const message = `LLM_PROVIDER is ${llmProvider}, but LLM_MODEL is not set: set it to the name of a model that the server has`;
      missing.push({ path: 'LLM_MODEL', message });
    }
  }
  const fallbacks = config.llmFallbacks.map(parseTarget);
  for (const { provider, model } of fallbacks) {
    if (provider !== llmProvider) need(`LLM_FALLBACKS names ${provider}/${model}`, provider);
  }
  refuse(missing);
  const remotes = new Map<Provider, RemoteConfig>();
  const named = new Set<Provider>([llmProvider, ...fallbacks.map(({ provider }) => provider)]);
  for (const provider of REMOTE_PROVIDERS) {
    // Ollama needs no setting, so nothing but its name says that there is one.
    const isThere = provider !== 'ollama' || named.has(provider);
    if (isThere && missingOf(config, provider, '').length === 0) remotes.set(provider, remoteOf(config, provider));
  }
  return { first: { provider: llmProvider, model: defaultModel(config) ?? 'mock' }, fallbacks, remotes };
}

/** The targets while a cassette answers: no provider is called, so no key is needed. */
export function replayTargets(config: ModelConfig): Targets {
  const first = { provider: config.llmProvider, model: defaultModel(config) ?? 'recorded' };
  return { first, fallbacks: config.llmFallbacks.map(parseTarget), remotes: new Map() };
}

/** The connection settings of an embedding provider. Throws `invalid_request` naming every missing variable. */
export function embeddingRemote(config: ModelConfig, provider: RemoteProvider): RemoteConfig {
  const asks = `EMBEDDING_PROVIDER is ${provider}`;
  const missing = missingOf(config, provider, asks);
  if (provider === 'openai-compatible' && config.embeddingModel === undefined) {
    const message = `${asks}, but EMBEDDING_MODEL is not set: set it to the name of an embedding model that the server has`;
    missing.push({ path: 'EMBEDDING_MODEL', message });
  }
  refuse(missing);
  return remoteOf(config, provider);
}

function missingOf(config: ModelConfig, provider: RemoteProvider, asks: string): Missing[] {
  const { keyVariable, keyName, keyRequired } = NEEDS[provider];
  const list: Missing[] = [];
  const need = (path: string, what: string) => list.push({ path, message: `${asks}, but ${path} is not set: ${what}` });
  if (keyRequired && config[keyName] === undefined) need(keyVariable, `set it (or ${keyVariable}_FILE) to your key`);
  if (baseUrlOf(config, provider) === undefined)
    need('LLM_BASE_URL', "set it to the server's address, such as http://localhost:8000/v1");
  return list;
}

function refuse(missing: readonly Missing[]): void {
  const unique = [...new Map(missing.map((one) => [one.path, one])).values()];
  if (unique.length === 0) return;
  throw new ReeveError('invalid_request', unique.map(({ message }) => message).join('\n'), { details: unique });
}

function remoteOf(config: ModelConfig, provider: RemoteProvider): RemoteConfig {
  const { keyVariable, keyName } = NEEDS[provider];
  return { provider, keyVariable, apiKey: config[keyName], baseUrl: baseUrlOf(config, provider)! };
}

/** The server of a local provider, which says things about itself; undefined for the others. */
export function localServerOf(
  config: ModelConfig,
  provider: string,
): Pick<RemoteConfig, 'baseUrl' | 'apiKey'> | undefined {
  if (!isLocal(provider)) return undefined;
  const baseUrl = baseUrlOf(config, provider);
  return baseUrl === undefined ? undefined : { baseUrl, apiKey: config.llmApiKey };
}

/**
 * LLM_BASE_URL belongs to LLM_PROVIDER, and to openai-compatible whether or not it is LLM_PROVIDER. Ollama's is that of the server,
 * though whoever knows its wires may give `/v1` or `/api` with it.
 */
function baseUrlOf(config: ModelConfig, provider: RemoteProvider): string | undefined {
  const own = provider === config.llmProvider || provider === 'openai-compatible';
  const baseUrl = (own ? config.llmBaseUrl : undefined) ?? NEEDS[provider].baseUrl;
  return provider === 'ollama' ? baseUrl?.replace(/\/(?:v1|api)?\/*$/, '') : baseUrl;
}

function defaultModel(config: ModelConfig): string | undefined {
  if (config.llmProvider === 'mock') return 'mock';
  return config.llmModel ?? NEEDS[config.llmProvider].model;
}

function parseTarget(name: string): { provider: RemoteProvider; model: string } {
  const slash = name.indexOf('/');
  return { provider: name.slice(0, slash) as RemoteProvider, model: name.slice(slash + 1) };
}

interface Needs {
  readonly keyVariable: string;
  readonly keyName: 'openaiApiKey' | 'anthropicApiKey' | 'googleApiKey' | 'llmApiKey';
  readonly keyRequired: boolean;
  readonly baseUrl: string | undefined;
  readonly model: string | undefined;
}

// Base URLs are given here because the providers' libraries would otherwise read the environment themselves.
const NEEDS: Readonly<Record<RemoteProvider, Needs>> = {
  openai: {
    keyVariable: 'OPENAI_API_KEY',
    keyName: 'openaiApiKey',
    keyRequired: true,
    baseUrl: 'https://api.openai.com/v1',
    model: 'gpt-5.4-mini',
  },
  anthropic: {
    keyVariable: 'ANTHROPIC_API_KEY',
    keyName: 'anthropicApiKey',
    keyRequired: true,
    baseUrl: 'https://api.anthropic.com/v1',
    model: 'claude-sonnet-5',
  },
  google: {
    keyVariable: 'GOOGLE_GENERATIVE_AI_API_KEY',
    keyName: 'googleApiKey',
    keyRequired: true,
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    model: 'gemini-flash-latest',
  },
  ollama: {
    keyVariable: 'LLM_API_KEY',
    keyName: 'llmApiKey',
    keyRequired: false,
    baseUrl: 'http://127.0.0.1:11434',
    model: undefined,
  },
  'openai-compatible': {
    keyVariable: 'LLM_API_KEY',
    keyName: 'llmApiKey',
    keyRequired: false,
    baseUrl: undefined,
    model: undefined,
  },
};

const REMOTE_PROVIDERS = Object.keys(NEEDS) as RemoteProvider[];
