import { ReeveError, secret, setting, type ConfigOf } from '@reeve/kit';
import { z } from 'zod';

export const PROVIDERS = ['mock', 'openai', 'anthropic', 'google', 'openai-compatible'] as const;
export type Provider = (typeof PROVIDERS)[number];
/** A provider that is asked over the network. */
export type RemoteProvider = Exclude<Provider, 'mock'>;

const key = (of: string) => z.string().trim().min(1).optional().describe(`Key for ${of}.`);

/** The model gateway's settings. Keys have the names that the providers' own libraries use. */
export const modelSettings = {
  llmProvider: setting(
    'LLM_PROVIDER',
    z
      .enum(PROVIDERS, { error: `it must be one of ${PROVIDERS.join(', ')}` })
      .default('mock')
      .describe('Who answers model calls; `mock` is the built-in model, which needs no key and no network.'),
  ),
  llmModel: setting(
    'LLM_MODEL',
    z
      .string()
      .trim()
      .min(1)
      .max(200)
      .optional()
      .describe("The model for agents that name none; unset: the provider's usual one."),
  ),
  llmBaseUrl: setting(
    'LLM_BASE_URL',
    z
      .string()
      .regex(/^https?:\/\/[^\s/]/, 'it must be an http:// or https:// URL')
      .refine((url) => URL.canParse(url), 'it must be a URL')
      .optional()
      .describe("The provider's address up to and including its version path, such as http://localhost:11434/v1."),
  ),
  openaiApiKey: secret('OPENAI_API_KEY', key('OpenAI')),
  anthropicApiKey: secret('ANTHROPIC_API_KEY', key('Anthropic')),
  googleApiKey: secret('GOOGLE_GENERATIVE_AI_API_KEY', key("Google's Gemini API")),
  llmApiKey: secret('LLM_API_KEY', key('an openai-compatible server, where it wants one')),
};

export type ModelConfig = ConfigOf<typeof modelSettings>;

/** A remote provider with everything that its calls need. */
export interface RemoteConfig {
  readonly provider: RemoteProvider;
  readonly model: string;
  readonly baseUrl: string;
  readonly apiKey: string | undefined;
  /** The variable that holds the key, for messages. */
  readonly keyVariable: string;
}

/**
 * What the chosen remote provider needs, taken from the settings. Throws `invalid_request` that names every
 * variable which is missing.
 */
export function remoteConfig(config: ModelConfig, provider: RemoteProvider): RemoteConfig {
  const { keyVariable, keyName, keyRequired, baseUrl, model } = NEEDS[provider];
  const found = {
    provider,
    keyVariable,
    apiKey: config[keyName],
    baseUrl: config.llmBaseUrl ?? baseUrl,
    model: config.llmModel ?? model,
  };
  const missing: { path: string; message: string }[] = [];
  const need = (variable: string, what: string) =>
    missing.push({ path: variable, message: `LLM_PROVIDER is ${provider}, but ${variable} is not set: ${what}` });
  if (keyRequired && found.apiKey === undefined) need(keyVariable, `set it (or ${keyVariable}_FILE) to your key`);
  if (found.baseUrl === undefined)
    need('LLM_BASE_URL', "set it to the server's address, such as http://localhost:11434/v1");
  if (found.model === undefined) need('LLM_MODEL', 'set it to the name of a model that the server has');
  if (missing.length > 0) {
    throw new ReeveError('invalid_request', missing.map(({ message }) => message).join('\n'), { details: missing });
  }
  return found as RemoteConfig;
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
  'openai-compatible': {
    keyVariable: 'LLM_API_KEY',
    keyName: 'llmApiKey',
    keyRequired: false,
    baseUrl: undefined,
    model: undefined,
  },
};
