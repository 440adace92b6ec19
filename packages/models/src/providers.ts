import type { EmbeddingModelV4, LanguageModelV4, SharedV4ProviderOptions } from '@ai-sdk/provider';
import { ReeveError } from '@reeve/kit';
import type { RemoteConfig } from './remote.ts';

/** A provider's models: one call's model with the fetch it shall use, and what every call of it carries. */
export interface ProviderModels {
  readonly model: (name: string, fetch: typeof globalThis.fetch) => LanguageModelV4;
  readonly options?: SharedV4ProviderOptions;
}

/** Loads the package of the chosen provider, and only that one. */
export async function loadProvider(config: RemoteConfig): Promise<ProviderModels> {
  const { baseUrl: baseURL } = config;
  const apiKey = config.apiKey ?? '';
  switch (config.provider) {
    case 'openai': {
      const { createOpenAI } = await import('@ai-sdk/openai');
      // Responses and not Chat Completions: OpenAI's reasoning models call tools there without a handicap and
      // some are served nowhere else. Servers that only imitate OpenAI lack it: `openai-compatible` is for them.
      // Nothing is stored at OpenAI: the conversation lives in our own steps.
      return {
        model: (name, fetch) => createOpenAI({ apiKey, baseURL, fetch }).responses(name),
        options: { openai: { store: false } },
      };
    }
    case 'anthropic': {
      const { createAnthropic } = await import('@ai-sdk/anthropic');
      return { model: (name, fetch) => createAnthropic({ apiKey, baseURL, fetch })(name) };
    }
    case 'google': {
      const { createGoogle } = await import('@ai-sdk/google');
      return { model: (name, fetch) => createGoogle({ apiKey, baseURL, fetch })(name) };
    }
    case 'openai-compatible': {
      const createModel = await openCompatible(config);
      return { model: (id, fetch) => createModel(fetch)(id) };
    }
  }
}

type CreateEmbeddingModel = (name: string, fetch: typeof globalThis.fetch) => EmbeddingModelV4;

/** The same for models that turn text into vectors. Anthropic has none. */
export async function loadEmbeddingModel(config: RemoteConfig): Promise<CreateEmbeddingModel> {
  const { provider, baseUrl: baseURL } = config;
  const apiKey = config.apiKey ?? '';
  switch (provider) {
    case 'openai': {
      const { createOpenAI } = await import('@ai-sdk/openai');
      return (name, fetch) => createOpenAI({ apiKey, baseURL, fetch }).embeddingModel(name);
    }
    case 'google': {
      const { createGoogle } = await import('@ai-sdk/google');
      return (name, fetch) => createGoogle({ apiKey, baseURL, fetch }).embeddingModel(name);
    }
    case 'openai-compatible': {
      const createModel = await openCompatible(config);
      return (name, fetch) => createModel(fetch).embeddingModel(name);
    }
    case 'anthropic':
      throw new ReeveError('invalid_request', 'anthropic has no embedding models');
  }
}

async function openCompatible({ baseUrl: baseURL, apiKey }: RemoteConfig) {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  const key = apiKey === undefined ? {} : { apiKey };
  // Without the last flag a JSON Schema would be left out and the server asked for any JSON.
  const options = { name: 'openai-compatible', baseURL, includeUsage: true, supportsStructuredOutputs: true, ...key };
  return (fetch: typeof globalThis.fetch) => createOpenAICompatible({ ...options, fetch });
}
