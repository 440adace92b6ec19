import { invalidField, type Log } from '@reeve/kit';
import { attempt } from './attempt.ts';
import { backendsOf } from './backends.ts';
import { openPlayer, recordCalls } from './cassette.ts';
import { openCatalog, type Catalog } from './catalog.ts';
import { createCircuits } from './circuits.ts';
import type { ModelConfig } from './config.ts';
import { createInstruments } from './instruments.ts';
import { limitsOf, type Limits } from './limits.ts';
import { locateModel, qualifiedName } from './model-name.ts';
import type { ChatPart, ModelGateway } from './model.ts';
import { observe } from './observe.ts';
import { replayTargets, targetsOf, type Targets } from './remote.ts';
import { createRoute, type RetryOptions, type Road, type RouteParts } from './route.ts';
import { countTokens } from './tokens.ts';

/** What tests replace. */
export interface OpenOptions extends RetryOptions {
  readonly limits?: Partial<Limits>;
  /** How long an open circuit stays open. */
  readonly circuitResetMs?: number;
}

/**
 * The model gateway that the settings ask for. Throws `invalid_request` naming the variable where a provider lacks
 * something it needs, or where the table of models or the cassette is broken. Calls nobody, and loads a provider's
 * packages only with its first call.
 */
export function openModels(config: ModelConfig, log: Log, options: OpenOptions = {}): ModelGateway {
  const targets = replays(config) ? replayTargets(config) : targetsOf(config);
  const catalog = openCatalog(config.modelsFile, log);
  const configured = new Set([targets.first, ...targets.fallbacks].map(qualifiedName));
  const instruments = createInstruments((target) => catalog.knows(target) || configured.has(qualifiedName(target)));
  const circuits = createCircuits({
    ...(options.circuitResetMs !== undefined && { resetMs: options.circuitResetMs }),
    onChange: (target, state) => {
      instruments.circuit(target, state);
      log.warn({ model: qualifiedName(target), state }, 'the circuit of a model changed');
    },
  });
  const limits = { ...limitsOf(config), ...options.limits };
  const parts = { targets, catalog, circuits, instruments, log, backendOf: backendsOf(targets, limits) };
  const { provider, model } = targets.first;
  announce(config, targets, log);
  return {
    provider,
    defaultModel: model,
    ...observe({ provider, road: roadOf(config, parts, options), openCircuits: circuits.open, ...noteOf(config) }),
    describe: (name) => catalog.describe(locateModel(targets, name).target),
    list: () => listModels(targets, catalog),
    countTokens,
  };
}

function announce({ llmProvider, llmModel }: ModelConfig, { first, fallbacks, remotes }: Targets, log: Log): void {
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

function roadOf(config: ModelConfig, parts: RouteParts, options: OpenOptions): Road {
  const path = config.llmCassette;
  if (path === undefined) return createRoute(parts, options);
  if (replays(config)) return inOurWords(replayRoute(path, parts));
  const secrets = [config.openaiApiKey, config.anthropicApiKey, config.googleApiKey, config.llmApiKey];
  const known = secrets.filter((secret) => secret !== undefined);
  const { stream } = createRoute(parts, options);
  return inOurWords(recordCalls(stream, { path, secrets: known, first: parts.targets.first, log: parts.log }));
}

/** What is recorded and replayed is never relayed. */
function inOurWords(stream: Road['stream']): Road {
  return {
    stream,
    async *chat({ request, pictures: [picture] }, ...rest) {
      if (picture !== undefined) throw invalidField(picture, 'pictures are not recorded; send text');
      yield* stream(request, ...rest);
    },
  };
}

/** Answers from a cassette, in the ledger as the recorded provider's calls were. */
function replayRoute(path: string, { catalog, circuits, instruments, log }: RouteParts): ModelGateway['stream'] {
  const player = openPlayer(path);
  async function* stream(...[asked, signal, ledger]: Parameters<Road['stream']>): AsyncGenerator<ChatPart> {
    const { target, backend } = player.take(asked);
    const request = { ...asked, maxOutputTokens: asked.maxOutputTokens ?? catalog.describe(target).maxOutputTokens };
    const price = catalog.priceOf(target);
    const breaker = circuits.of(target);
    const options = {
      target,
      backend,
      breaker,
      request,
      chat: undefined,
      price,
      number: () => 1,
      ledger,
      instruments,
      log,
    };
    const failed = yield* attempt(options, signal);
    if (failed !== undefined) throw failed.error;
  }
  return stream as Road['stream'];
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
