import { ReeveError } from '@reeve/kit';
import { PROVIDERS, type Provider } from './config.ts';
import { isLocal, type CalledModel, type Target, type Targets } from './targets.ts';

/**
 * Resolves the model that a request names: the default model for none, the provider of its prefix
 * (`openai/gpt-5.4`), else the default provider. Throws `invalid_request` for a provider that is not configured.
 * Of a local provider other names with a slash belong to its server, since such servers use them, as in
 * `hf.co/bartowski/Qwen3-8B-GGUF`, unless LLM_FALLBACKS names their provider.
 */
export function resolveModel(targets: Targets, requested: string | null): Target {
  const { target, configured } = locateModel(targets, requested);
  if (configured) return target;
  const name = requested?.trim() ?? '';
  const prefix = name.slice(0, name.indexOf('/'));
  const known = (PROVIDERS as readonly string[]).includes(prefix);
  const { provider, model } = targets.first;
  throw new ReeveError(
    'invalid_request',
    `The model ${quote(name)} names ${known ? `the provider ${prefix}, which has no key here` : `an unknown provider, ${quote(prefix)}`}. ` +
      `This server calls ${[...new Set([provider, ...targets.remotes.keys()])].join(', ')}. Name one of their models, or none for ${quote(model)}.`,
  );
}

/** Resolves a model name without throwing, and tells whether its provider is configured. */
export function locateModel(targets: Targets, requested: string | null): { target: Target; configured: boolean } {
  const { provider } = targets.first;
  const name = requested?.trim() ?? '';
  if (name === '') return { target: targets.first, configured: true };
  const slash = name.indexOf('/');
  const prefix = name.slice(0, Math.max(slash, 0));
  const own = (of: Provider) => ({ target: { provider: of, model: name }, configured: true });
  if (prefix === '' || slash === name.length - 1) return own(provider);
  const named = { provider: prefix as Provider, model: name.slice(slash + 1) };
  if (prefix === provider) return { target: named, configured: true };
  if (isLocal(provider) && !targets.fallbacks.some((one) => one.provider === prefix)) return own(provider);
  if (provider === 'google' && GOOGLE_FOLDERS.has(prefix)) return own(provider);
  return { target: named, configured: targets.remotes.has(named.provider) };
}

/** The full name of a model in requests, independent of the default provider. */
export function qualifiedName({ provider, model }: CalledModel): string {
  return provider === 'mock' ? model : `${provider}/${model}`;
}

// Gemini's own resource names carry a folder.
const GOOGLE_FOLDERS: ReadonlySet<string> = new Set(['models', 'tunedModels']);

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
