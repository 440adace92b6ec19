import { invalidField, type Log } from '@reeve/kit';
import { attempt } from './calls/attempt.ts';
import { backendsOf } from './providers/backends.ts';
import { openPlayer, recordCalls } from './cassette.ts';
import { openCatalog, type Catalog } from './catalog.ts';
import { createModelBreakers } from './calls/breakers.ts';
import type { ModelConfig } from './config.ts';
import { createModelMetrics } from './calls/metrics.ts';
import { providerTimeouts, type ProviderTimeouts } from './providers/timeouts.ts';
import { locateModel, qualifiedName } from './model-name.ts';
import type { ChatPart, ModelGateway, ModelInfo } from './model.ts';
import { observe } from './calls/observe.ts';
import { limitsOf } from './queue/limits-of.ts';
import { createModelQueues, createUnlimitedQueue } from './queue/model-queues.ts';
import type { SlotStore } from '@reeve/limits';
import { DEFAULT_TURN } from './queue/turn.ts';
import { localServerOf, replayTargets, targetsOf, type CalledModel, type Targets } from './targets.ts';
import {
  createFallbackChain,
  type RetryOptions,
  type ModelCaller,
  type FallbackChainParts,
} from './calls/fallback-chain.ts';
import { countTokens } from './tokens.ts';
import { createWindows, type WindowParts } from './windows.ts';

/** The store of shared slots, and timings that tests replace. */
export interface OpenOptions extends RetryOptions {
  readonly timeouts?: Partial<ProviderTimeouts>;
  /** Where processes share the limits on concurrent calls; without it this process is alone. */
  readonly slots?: SlotStore | undefined;
  /** How long an open breaker stays open. */
  readonly breakerResetMs?: number;
}

/**
 * Opens the model gateway that the settings configure. Throws `invalid_request` naming the variable where a provider
 * lacks a setting, or where the table of models or the cassette is invalid. Opening makes no request; a provider's
 * packages load with its first call.
 */
export function openModels(config: ModelConfig, log: Log, options: OpenOptions = {}): ModelGateway {
  const targets = replays(config) ? replayTargets(config) : targetsOf(config);
  const catalog = openCatalog(config.modelsFile, log);
  const configured = new Set([targets.first, ...targets.fallbacks].map(qualifiedName));
  const metrics = createModelMetrics((target) => catalog.knows(target) || configured.has(qualifiedName(target)));
  const breakers = createModelBreakers({
    ...(options.breakerResetMs !== undefined && { resetMs: options.breakerResetMs }),
    onChange: (target, state) => {
      metrics.breaker(target, state);
      log.warn({ model: qualifiedName(target), state }, 'the circuit breaker of a model changed state');
    },
  });
  const timeouts = { ...providerTimeouts(config), ...options.timeouts };
  const queues = createModelQueues({ limitOf: limitsOf(config, targets, catalog), store: options.slots, metrics, log });
  const windows = createWindows({ read: windowReader(config, catalog), log });
  const describe = (target: CalledModel): ModelInfo => {
    const info = catalog.describe(target);
    return { ...info, contextTokens: info.contextTokens ?? windows.of(target) ?? null };
  };
  const parts = {
    targets,
    catalog: { ...catalog, describe },
    windows,
    breakers,
    queues,
    metrics,
    log,
    backendOf: backendsOf(targets, timeouts, {
      keepAlive: config.llmKeepAlive,
      windowOf: (model) => catalog.describe({ provider: 'ollama', model }).contextTokens ?? undefined,
    }),
  };
  const { provider, model } = targets.first;
  logStart(config, targets, log);
  return {
    provider,
    defaultModel: model,
    ...observe({
      provider,
      caller: callerOf(config, parts, options),
      openBreakers: breakers.open,
      queues: queues.states,
      ...noteOf(config),
    }),
    describe: (name) => describe(locateModel(targets, name).target),
    list: () => listModels(targets, parts.catalog),
    countTokens,
  };
}

/** Local servers are asked for the windows of models that the table does not say. */
function windowReader(config: ModelConfig, catalog: Catalog): WindowParts['read'] {
  return (target) => {
    const server = localServerOf(config, target.provider);
    if (server === undefined || catalog.describe(target).contextTokens !== null) return undefined;
    return import('./server-info.ts').then(({ readContextWindow }) => readContextWindow(server, target.model));
  };
}

function logStart({ llmProvider, llmModel }: ModelConfig, { first, fallbacks, remotes }: Targets, log: Log): void {
  if (llmProvider === 'mock' && llmModel !== undefined)
    log.warn({ llm_model: llmModel }, 'LLM_MODEL has no effect: LLM_PROVIDER is mock');
  const remote = remotes.get(first.provider);
  if (remote === undefined) return;
  const server = new URL(remote.baseUrl).origin;
  log.info({ ...first, server, fallbacks: fallbacks.map(qualifiedName) }, 'model gateway ready');
}

function replays({ llmCassette, llmCassetteMode }: ModelConfig): boolean {
  return llmCassette !== undefined && llmCassetteMode === 'replay';
}

function callerOf(config: ModelConfig, parts: FallbackChainParts, options: OpenOptions): ModelCaller {
  const path = config.llmCassette;
  if (path === undefined) return createFallbackChain(parts, options);
  if (replays(config)) return withoutRelay(replayCalls(path, parts));
  const secrets = [config.openaiApiKey, config.anthropicApiKey, config.googleApiKey, config.llmApiKey];
  const known = secrets.filter((secret) => secret !== undefined);
  const { stream } = createFallbackChain(parts, options);
  return withoutRelay(recordCalls(stream, { path, secrets: known, first: parts.targets.first, log: parts.log }));
}

/** Answers chat completions from `stream`: recorded and replayed calls are never relayed. */
function withoutRelay(stream: ModelCaller['stream']): ModelCaller {
  return {
    stream,
    async *chat({ request, linkedImages: [linked] }, ...rest) {
      if (linked !== undefined)
        throw invalidField(linked, 'images are recorded only where they are sent as data: URLs');
      yield* stream(request, ...rest);
    },
  };
}

/** Answers from a cassette and records each answer in the ledger as a call of the recorded provider. */
function replayCalls(path: string, { catalog, breakers, metrics, log }: FallbackChainParts): ModelGateway['stream'] {
  const player = openPlayer(path);
  const queue = createUnlimitedQueue();
  async function* stream(
    ...[requested, signal, ledger, turn = DEFAULT_TURN]: Parameters<ModelCaller['stream']>
  ): AsyncGenerator<ChatPart> {
    const { target, backend } = player.take(requested);
    const request = {
      ...requested,
      maxOutputTokens: requested.maxOutputTokens ?? catalog.describe(target).maxOutputTokens,
    };
    const price = catalog.priceOf(target);
    const breaker = breakers.of(target);
    const options = {
      target,
      backend,
      breaker,
      queue,
      turn,
      request,
      chat: undefined,
      errorOfCut: () => undefined,
      price,
      number: () => 1,
      ledger,
      metrics,
      log,
    };
    const failed = yield* attempt(options, signal);
    if (failed !== undefined) throw failed.error;
  }
  return stream as ModelCaller['stream'];
}

function noteOf(config: ModelConfig): { note?: string } {
  if (replays(config)) return { note: `recorded answers from ${config.llmCassette}` };
  return config.llmProvider === 'mock' ? { note: 'the built-in model; set LLM_PROVIDER to connect a real one' } : {};
}

function listModels({ first, fallbacks, remotes }: Targets, catalog: Catalog) {
  const known = catalog.names().filter(({ provider }) => provider === first.provider || remotes.has(provider));
  const targets = new Map([first, ...fallbacks, ...known].map((target) => [qualifiedName(target), target]));
  return [...targets.values()].map((target) => catalog.describe(target));
}
