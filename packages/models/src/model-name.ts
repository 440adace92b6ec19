import { ReeveError } from '@reeve/kit';
import { PROVIDERS, type Provider } from './config.ts';

/**
 * The provider's own name of the model that a request asks for: its default where none is named, without
 * the provider's prefix (`openai/gpt-5.4` is `gpt-5.4`). Throws `invalid_request` where another provider is
 * meant. With `openai-compatible` every other name goes through as it is, since such servers use slashes.
 */
export function resolveModelName(provider: Provider, defaultModel: string, requested: string | null): string {
  const name = requested?.trim() ?? '';
  if (name === '') return defaultModel;
  const slash = name.indexOf('/');
  const prefix = slash < 0 ? '' : name.slice(0, slash);
  if (prefix === provider && slash < name.length - 1) return name.slice(slash + 1);
  if (prefix === '' || provider === 'openai-compatible' || (provider === 'google' && GOOGLE_FOLDERS.has(prefix)))
    return name;
  const known = (PROVIDERS as readonly string[]).includes(prefix);
  throw new ReeveError(
    'invalid_request',
    `The model ${quote(name)} names ${known ? `the provider ${prefix}` : `an unknown provider, ${quote(prefix)}`}, but this server ` +
      `calls ${provider} (LLM_PROVIDER). Name one of its models, or none for ${quote(defaultModel)}.`,
  );
}

// Gemini's own resource names carry a folder.
const GOOGLE_FOLDERS: ReadonlySet<string> = new Set(['models', 'tunedModels']);

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
