import { join } from 'node:path';
import { secret, setting, type ConfigOf } from '@reeve/kit';
import { z } from 'zod';

export const PROVIDERS = ['mock', 'openai', 'anthropic', 'google', 'ollama', 'openai-compatible'] as const;
export type Provider = (typeof PROVIDERS)[number];
/** A provider that is asked over the network. */
export type RemoteProvider = Exclude<Provider, 'mock'>;

const EMBEDDING_PROVIDERS = ['none', 'openai', 'google', 'openai-compatible', 'onnx'] as const;
/** What makes vectors: a provider over the network, or a model that runs here. */
export type EmbeddingProvider = Exclude<(typeof EMBEDDING_PROVIDERS)[number], 'none'>;

/** The table that comes with Reeve. */
export const SHIPPED_MODELS_FILE = join(import.meta.dirname, '../../../conf/models.yaml');

const key = (of: string) => z.string().trim().min(1).optional().describe(`Key for ${of}.`);
const modelName = z.string().trim().min(1).max(200);
const milliseconds = z.coerce
  .number('it must be a number of milliseconds')
  .int('it must be a whole number of milliseconds')
  .min(1, 'it must be at least 1')
  .max(3_600_000, 'it must be at most 3600000, an hour');

const fallbackList = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(','))])
  .transform((names) => names.map((name) => name.trim()).filter((name) => name !== ''))
  .refine((names) => names.every(isFallback), {
    error:
      'it must be a list such as anthropic/claude-sonnet-5,openai/gpt-5.4-mini, of models of openai, anthropic, google, ollama or openai-compatible',
  });

/** The model gateway's settings. Keys have the names that the providers' own libraries use. */
export const modelSettings = {
  llmProvider: setting(
    'LLM_PROVIDER',
    z
      .enum(PROVIDERS, { error: `it must be one of ${PROVIDERS.join(', ')}` })
      .default('mock')
      .describe('Provider of model calls; `mock` is the built-in model, which needs no key and no network.'),
  ),
  llmModel: setting(
    'LLM_MODEL',
    modelName.optional().describe("Default model, used by agents that name none; unset: the provider's usual one."),
  ),
  llmFallbacks: setting(
    'LLM_FALLBACKS',
    fallbackList
      .default([])
      .describe('Models to try in turn when the provider of the first one fails: provider/model, separated by commas.'),
  ),
  llmBaseUrl: setting(
    'LLM_BASE_URL',
    z
      .string()
      .regex(/^https?:\/\/[^\s/]/, 'it must be an http:// or https:// URL')
      .refine((url) => URL.canParse(url), 'it must be a URL')
      .optional()
      .describe(
        "The provider's base URL including its version path, such as http://localhost:8000/v1; for ollama the server's address.",
      ),
  ),
  llmKeepAlive: setting(
    'LLM_KEEP_ALIVE',
    z
      .string()
      .trim()
      .regex(/^(?:-1|0|(?:\d+(?:\.\d+)?(?:ms|s|m|h))+)$/, 'it must be a duration such as 30m, -1 for always, or 0')
      .optional()
      .describe('How long an Ollama server keeps a model loaded after a call; unset: what the server is set to.'),
  ),
  llmFirstTokenTimeoutMs: setting(
    'LLM_FIRST_TOKEN_TIMEOUT_MS',
    milliseconds
      .default(300_000)
      .describe('Timeout until the first token of an answer, thinking included, in milliseconds.'),
  ),
  llmIdleTimeoutMs: setting(
    'LLM_IDLE_TIMEOUT_MS',
    milliseconds.default(30_000).describe('Timeout between two parts of an answer, in milliseconds.'),
  ),
  llmMaxConcurrency: setting(
    'LLM_MAX_CONCURRENCY',
    z.coerce
      .number('it must be a number of calls')
      .int('it must be a whole number of calls')
      .min(1, 'it must be at least 1')
      .max(1_000, 'it must be at most 1000')
      .optional()
      .describe(
        'Most calls to a model at a time, over all processes on one database; unset: what the server says, else learnt from its answers.',
      ),
  ),
  modelsFile: setting(
    'REEVE_MODELS_FILE',
    z.string().min(1).default(SHIPPED_MODELS_FILE).describe('File of the context sizes and prices of models.'),
  ),
  llmCassette: setting(
    'LLM_CASSETTE',
    z.string().min(1).optional().describe('File of recorded model calls, for tests and demos.'),
  ),
  llmCassetteMode: setting(
    'LLM_CASSETTE_MODE',
    z
      .enum(['record', 'replay'], { error: 'it must be record or replay' })
      .default('replay')
      .describe('`record` adds each model call to LLM_CASSETTE, `replay` answers from it without a network.'),
  ),
  embeddingProvider: setting(
    'EMBEDDING_PROVIDER',
    z
      .enum(EMBEDDING_PROVIDERS, {
        error: `it must be one of ${EMBEDDING_PROVIDERS.join(', ')} (Ollama and other local servers are openai-compatible; onnx runs a model from a folder)`,
      })
      .default('none')
      .describe(
        'Provider of embeddings, for recall and knowledge bases; `onnx` runs a model from a folder in this process; `none`: retrieval is lexical.',
      ),
  ),
  embeddingModel: setting(
    'EMBEDDING_MODEL',
    z
      .string()
      .trim()
      .min(1)
      .max(1_000)
      .optional()
      .describe("Embedding model, for `onnx` the path of its folder; unset: the provider's usual one."),
  ),
  openaiApiKey: secret('OPENAI_API_KEY', key('OpenAI')),
  anthropicApiKey: secret('ANTHROPIC_API_KEY', key('Anthropic')),
  googleApiKey: secret('GOOGLE_GENERATIVE_AI_API_KEY', key("Google's Gemini API")),
  llmApiKey: secret('LLM_API_KEY', key('an openai-compatible or Ollama server, if it needs one')),
};

export type ModelConfig = ConfigOf<typeof modelSettings>;

function isFallback(name: string): boolean {
  const slash = name.indexOf('/');
  const provider = name.slice(0, Math.max(slash, 0));
  return provider !== 'mock' && (PROVIDERS as readonly string[]).includes(provider) && slash < name.length - 1;
}
