import type { Log } from '@reeve/kit';
import { remoteConfig, type ModelConfig } from './config.ts';
import type { ModelGateway, ModelPart, ModelRequest, ModelSource } from './model.ts';
import { createMockModel } from './mock.ts';
import { observe } from './observe.ts';

/**
 * The model gateway that the settings ask for. Throws `invalid_request` naming the variable where the chosen
 * provider lacks something it needs. Calls nobody, and loads a provider's packages only with its first call.
 */
export function openModels(config: ModelConfig, log: Log): ModelGateway {
  const provider = config.llmProvider;
  if (provider === 'mock') {
    if (config.llmModel !== undefined)
      log.warn({ llm_model: config.llmModel }, 'LLM_MODEL has no effect: LLM_PROVIDER is mock');
    return observe(createMockModel(), 'the built-in model; set LLM_PROVIDER to connect a real one');
  }
  const remote = remoteConfig(config, provider);
  log.info({ provider, model: remote.model, server: new URL(remote.baseUrl).origin }, 'model gateway ready');
  let source: Promise<ModelSource> | undefined;
  const load = async () => (await import('./ai-sdk.ts')).openRemoteModels(remote, log);

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    yield* (await (source ??= load())).stream(request, signal);
  }
  return observe({ provider, defaultModel: remote.model, stream });
}
