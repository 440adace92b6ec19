import type { LanguageModelV4StreamPart } from '@ai-sdk/provider';
import { ReeveError, sleep as realSleep, type Log } from '@reeve/kit';
import type { RemoteConfig } from './config.ts';
import { toFault } from './fault.ts';
import { resolveModelName } from './model-name.ts';
import type { FinishReason, ModelPart, ModelRequest, ModelSource, TokenUsage } from './model.ts';
import { toCallOptions } from './prompt.ts';
import { loadProvider, type ProviderModels } from './providers.ts';
import { estimateUsage } from './tokens.ts';
import { defaultLimits, openTransport, startWatch, type CreateFetch, type Limits } from './transport.ts';

/** What tests replace: waiting, chance and patience. */
export interface RemoteOptions {
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 up to 1. */
  readonly random?: () => number;
  readonly limits?: Partial<Limits>;
}

/** Upper bounds of the pauses before the second and the third attempt. */
const PAUSES_MS = [1_000, 2_000];
/** A provider that wants a longer pause than this is left to the caller. */
const LONGEST_PAUSE_MS = 30_000;

/**
 * A model behind one of the AI SDK's providers, whose packages are loaded by the first call. An attempt that
 * failed is repeated, three times in all, only while nothing of an answer has come and only where the provider
 * did not take the request: no connection, 429, 5xx.
 */
export function openRemoteModels(config: RemoteConfig, log: Log, options: RemoteOptions = {}): ModelSource {
  const { provider, model: defaultModel } = config;
  const sleep = options.sleep ?? realSleep;
  const random = options.random ?? Math.random;
  const limits = { ...defaultLimits, ...options.limits };
  let loading: Promise<{ models: ProviderModels; createFetch: CreateFetch }> | undefined;
  const load = async () => ({ models: await loadProvider(config), createFetch: openTransport(limits) });

  async function* stream(request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    const model = resolveModelName(provider, defaultModel, request.model);
    const { models, createFetch } = await (loading ??= load());
    for (let attempt = 1; ; attempt += 1) {
      let streamed = false;
      try {
        for await (const part of attemptOnce({ config, models, createFetch, limits, request, model, signal })) {
          streamed = true;
          yield part;
        }
        return;
      } catch (thrown) {
        if (signal.aborted) throw cancelled(signal);
        const { error, repeatable } = toFault(thrown, config, model);
        const bound = PAUSES_MS[attempt - 1];
        const pauseMs = error.retryAfterMs ?? random() * (bound ?? 0);
        if (streamed || !repeatable || bound === undefined || pauseMs > LONGEST_PAUSE_MS) throw error;
        log.warn(
          { provider, model, attempt, pause_ms: Math.round(pauseMs), reason: error.reason },
          `model call failed, trying again: ${error.message}`,
        );
        await sleep(pauseMs, signal);
        if (signal.aborted) throw cancelled(signal);
      }
    }
  }

  return { provider, defaultModel, stream };
}

interface Attempt {
  readonly config: RemoteConfig;
  readonly models: ProviderModels;
  readonly createFetch: CreateFetch;
  readonly limits: Limits;
  readonly request: ModelRequest;
  readonly model: string;
  readonly signal: AbortSignal;
}

/** One request to the provider. Leaving the loop over it, or the caller's signal, closes the connection at once. */
async function* attemptOnce({
  config,
  models,
  createFetch,
  limits,
  request,
  model,
  signal,
}: Attempt): AsyncGenerator<ModelPart> {
  if (signal.aborted) throw cancelled(signal);
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener('abort', abort, { once: true });
  let stalled = false;
  const watch = startWatch(() => {
    stalled = true;
    controller.abort();
  });
  try {
    const callOptions = {
      ...toCallOptions(request),
      abortSignal: controller.signal,
      ...(models.options && { providerOptions: models.options }),
    };
    const { stream } = await models
      .model(
        model,
        withLimit(createFetch(watch), () => watch.allow(limits.thinkingMs)),
      )
      .doStream(callOptions);
    yield* convert(stream, request, config.provider, model, (writing) =>
      watch.allow(writing ? limits.idleMs : limits.thinkingMs),
    );
  } catch (error) {
    if (stalled)
      throw new ReeveError('timeout', `${config.provider} fell silent in the middle of its answer`, { cause: error });
    throw error;
  } finally {
    watch.stop();
    signal.removeEventListener('abort', abort);
    controller.abort();
  }
}

/** Begins the watch when the headers are there; until then the transport's own limit holds. */
function withLimit(fetch: typeof globalThis.fetch, begin: () => void): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    begin();
    return response;
  };
}

/**
 * The AI SDK's stream as ours. `onBlock` hears whether text or a tool call is being written. Throws what the
 * provider reported in mid-stream, and where the stream ends unfinished.
 */
async function* convert(
  stream: ReadableStream<LanguageModelV4StreamPart>,
  request: ModelRequest,
  provider: string,
  model: string,
  onBlock: (writing: boolean) => void,
): AsyncGenerator<ModelPart> {
  let outputCharacters = 0;
  let toolCalls = 0;
  let finish: Extract<LanguageModelV4StreamPart, { type: 'finish' }> | undefined;
  for await (const part of stream) {
    switch (part.type) {
      case 'text-start':
      case 'tool-input-start':
        onBlock(true);
        break;
      case 'text-end':
      case 'tool-input-end':
      case 'reasoning-start':
        onBlock(false);
        break;
      case 'text-delta':
      case 'reasoning-delta':
        outputCharacters += part.delta.length;
        if (part.delta !== '') yield { type: part.type === 'text-delta' ? 'text' : 'thinking', delta: part.delta };
        break;
      case 'tool-call':
        // What a provider runs by itself is no call for us.
        if (part.providerExecuted === true) break;
        toolCalls += 1;
        outputCharacters += part.toolName.length + part.input.length;
        yield { type: 'tool_call', call: { id: part.toolCallId, name: part.toolName, input: parseInput(part.input) } };
        break;
      case 'error':
        throw part.error;
      case 'finish':
        finish = part;
        break;
      default:
        // Pings, sources, files and what else a provider may send have no place in our stream.
        break;
    }
  }
  const unified = finish?.finishReason.unified;
  if (finish === undefined || unified === 'error' || unified === 'interrupted') {
    throw new Error('the answer ended before it was finished');
  }
  yield {
    type: 'finish',
    reason: finishReason(unified, toolCalls),
    usage: usageOf(finish.usage, request, outputCharacters),
    provider,
    model,
    costNano: null,
  };
}

/** A tool call's input; text that is not JSON stays text, so that the tool's own check can say what is wrong. */
function parseInput(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function finishReason(unified: string | undefined, toolCalls: number): FinishReason {
  if (unified === 'length') return 'length';
  if (unified === 'content-filter') return 'content_filter';
  // Some servers say `stop` where they call tools.
  if (toolCalls > 0) return 'tool_calls';
  return unified === 'stop' ? 'stop' : 'other';
}

function usageOf(
  usage: Extract<LanguageModelV4StreamPart, { type: 'finish' }>['usage'],
  request: ModelRequest,
  outputCharacters: number,
): TokenUsage {
  const estimate = estimateUsage(request, outputCharacters);
  return {
    inputTokens: usage.inputTokens.total ?? estimate.inputTokens,
    outputTokens: usage.outputTokens.total ?? estimate.outputTokens,
    cachedTokens: usage.inputTokens.cacheRead ?? 0,
    reasoningTokens: usage.outputTokens.reasoning ?? 0,
    estimated: usage.inputTokens.total === undefined || usage.outputTokens.total === undefined,
  };
}

function cancelled(signal: AbortSignal): ReeveError {
  return new ReeveError('cancelled', 'The model call was cancelled', { cause: signal.reason });
}
