import type { LanguageModelV4, SharedV4ProviderOptions } from '@ai-sdk/provider';
import type { RemoteConfig } from './config.ts';

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
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
      const name = 'openai-compatible';
      const key = config.apiKey === undefined ? {} : { apiKey };
      return { model: (id, fetch) => createOpenAICompatible({ name, baseURL, fetch, includeUsage: true, ...key })(id) };
    }
  }
}
