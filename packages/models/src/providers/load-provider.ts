import type { EmbeddingModelV4, SharedV4ProviderOptions } from '@ai-sdk/provider';
import { ReeveError } from '@reeve/kit';
import type { OllamaSettings } from '../ollama/chat-request.ts';
import type { RemoteConfig } from '../targets.ts';
import type { StreamingModel } from './streaming-model.ts';

/** A provider's models: a factory that takes the fetch to use, and options that every call carries. */
export interface ProviderModels {
  readonly model: (name: string, fetch: typeof globalThis.fetch) => StreamingModel;
  readonly options?: SharedV4ProviderOptions;
}

/** Loads the package of one provider. */
export async function loadProvider(config: RemoteConfig, ollama: OllamaSettings): Promise<ProviderModels> {
  const { baseUrl: baseURL } = config;
  const apiKey = config.apiKey ?? '';
  switch (config.provider) {
    case 'openai': {
      const { createOpenAI } = await import('@ai-sdk/openai');
      // The Responses API, since OpenAI's reasoning models call tools better there and some exist only there.
      // Compatible servers lack it: `openai-compatible` is for them. OpenAI stores nothing: our steps hold the
      // conversation.
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
    case 'ollama': {
      const { createOllamaModel } = await import('../ollama/chat-model.ts');
      return { model: (name, fetch) => createOllamaModel(config, name, fetch, ollama) };
    }
    case 'openai-compatible': {
      const createModel = await openCompatible(config);
      return { model: (id, fetch) => createModel(fetch)(id) };
    }
  }
}

type CreateEmbeddingModel = (name: string, fetch: typeof globalThis.fetch) => EmbeddingModelV4;

/** Loads a provider's embedding models. Anthropic has none. */
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
    case 'ollama':
      throw new ReeveError(
        'invalid_request',
        'embeddings of Ollama come by its /v1: EMBEDDING_PROVIDER=openai-compatible',
      );
  }
}

async function openCompatible({ baseUrl: baseURL, apiKey }: RemoteConfig) {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  const key = apiKey === undefined ? {} : { apiKey };
  // Without the last flag a JSON Schema would be left out and the server asked for any JSON.
  const options = { name: 'openai-compatible', baseURL, includeUsage: true, supportsStructuredOutputs: true, ...key };
  return (fetch: typeof globalThis.fetch) => createOpenAICompatible({ ...options, fetch });
}
