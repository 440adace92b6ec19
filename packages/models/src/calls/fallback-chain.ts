import { invalidField, ReeveError, sleep as realSleep, type Log } from '@reeve/kit';
import type { CallLedger } from '@reeve/ledger';
import { cancelled } from './attempt-recorder.ts';
import { attempt, type FailedAttempt } from './attempt.ts';
import { finalFault, type Backend } from '../backend.ts';
import type { Catalog } from '../catalog.ts';
import type { ModelBreakers } from './breakers.ts';
import type { ModelMetrics } from './metrics.ts';
import type { ChatCall, ChatPart, ModelGateway, ModelRequest, TokenUsage } from '../model.ts';
import { qualifiedName, resolveModel } from '../model-name.ts';
import type { ModelQueues } from '../queue/model-queues.ts';
import { DEFAULT_TURN, type ModelTurn } from '../queue/turn.ts';
import type { Windows } from '../windows.ts';
import type { Target, Targets } from '../targets.ts';
import { isProviderFault, pauseAfter } from './retry.ts';
import { chatTokens, countTokens } from '../tokens.ts';

/** Dependencies of the fallback chain. */
export interface FallbackChainParts {
  readonly targets: Targets;
  readonly backendOf: (provider: Target['provider']) => Backend;
  readonly catalog: Catalog;
  readonly windows: Windows;
  readonly breakers: ModelBreakers;
  readonly queues: ModelQueues;
  readonly metrics: ModelMetrics;
  readonly log: Log;
}

/** The pause and the random source of retries; tests replace them. */
export interface RetryOptions {
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

/** The two forms of a model call: a `ModelRequest`, or an OpenAI chat completion. */
export type ModelCaller = Pick<ModelGateway, 'stream' | 'chat'>;

/**
 * Calls the requested model, up to three times, then each fallback in the same way. Retries and fallbacks happen only
 * before the first part of an answer has been yielded. If all models fail, throws the first model's error.
 */
export function createFallbackChain(parts: FallbackChainParts, retry: RetryOptions = {}): ModelCaller {
  async function* answer(asked: Omit<Call, 'attempts'>, signal: AbortSignal): AsyncGenerator<ChatPart> {
    const requested = resolveModel(parts.targets, asked.request.model);
    const call: Call = { ...asked, attempts: 0 };
    const targets = withFallbacks(requested, parts.targets);
    let first: ReeveError | undefined;
    for (const target of targets) {
      const failed = yield* callFallback(first, target, callModel(parts, retry, target, call, signal));
      if (failed === undefined) return;
      if (failed === DENIED) continue;
      const { error, streamed } = failed;
      if (streamed) throw error;
      first = first === undefined ? error : joined(first, target, error);
      if (!isProviderFault(error)) break;
      if (target !== targets.at(-1))
        parts.log.warn(
          { model: qualifiedName(target), reason: error.reason },
          `calling the next fallback: ${error.message}`,
        );
    }
    if (first !== undefined) throw first;
  }
  return {
    // Without a chat completion no part is relayed.
    stream: ((request, signal, ledger, turn = DEFAULT_TURN) =>
      answer({ request, ledger, turn, chat: undefined }, signal)) as ModelCaller['stream'],
    chat: (chat, signal, ledger, turn = DEFAULT_TURN) => answer({ request: chat.request, ledger, turn, chat }, signal),
  };
}

/** The tenant's policy denies this fallback: the chain skips it. */
const DENIED = 'denied';

/** Calls a fallback. If a budget refuses it, the error still names the first model's failure. */
async function* callFallback(
  first: ReeveError | undefined,
  target: Target,
  answer: AsyncGenerator<ChatPart, FailedAttempt | undefined>,
): AsyncGenerator<ChatPart, FailedAttempt | typeof DENIED | undefined> {
  try {
    return yield* answer;
  } catch (thrown) {
    const error = ReeveError.from(thrown);
    if (first !== undefined && error.reason === 'policy_denied') return DENIED;
    if (first === undefined || error.reason !== 'budget_exhausted') throw thrown;
    throw joined(first, target, error);
  }
}

/** A model call in progress. */
interface Call {
  readonly request: ModelRequest;
  /** The original chat completion, where the client sent one. */
  readonly chat: ChatCall | undefined;
  readonly ledger: CallLedger | undefined;
  readonly turn: ModelTurn;
  /** Attempts over all models, as numbered in the ledger. */
  attempts: number;
}

/** Calls one model, up to three times. Returns the last failure, or nothing when it answered. */
async function* callModel(
  { backendOf, catalog, windows, breakers, queues, metrics, log }: FallbackChainParts,
  { sleep = realSleep, random = Math.random }: RetryOptions,
  target: Target,
  call: Call,
  signal: AbortSignal,
): AsyncGenerator<ChatPart, FailedAttempt | undefined> {
  const { ledger, turn } = call;
  const backend = backendOf(target.provider);
  const chat = backend.relays ? call.chat : undefined;
  const [linked] = chat === undefined ? (call.chat?.linkedImages ?? []) : [];
  if (linked !== undefined) return { ...finalFault(noLinkedImages(linked, target), true), streamed: false };
  const breaker = breakers.of(target);
  const queue = queues.of(target);
  const price = catalog.priceOf(target);
  await windows.ask(target);
  const request = { ...call.request, maxOutputTokens: outputLimit(catalog, target, call) };
  let last: FailedAttempt | undefined;
  const number = () => (call.attempts += 1);
  const errorOfCut = (reported: TokenUsage) => windows.errorOfCut(target, () => countTokens(request), reported);
  const context = { target, breaker, queue, turn, price, number, ledger, metrics, log };
  const options = { ...context, backend, request, chat, errorOfCut };
  for (let tries = 1; ; tries += 1) {
    const failed = yield* attempt(options, signal);
    if (failed === undefined) return undefined;
    // The failure that opened the breaker says more than `circuit_open`.
    if (failed.error.reason === 'circuit_open') return last ?? failed;
    last = failed;
    if (failed.error.reason === 'context_too_long') windows.learn(target, failed.error.message);
    const pauseMs = failed.streamed ? undefined : pauseAfter(failed, tries, random);
    if (pauseMs === undefined) return failed;
    const { reason, message } = failed.error;
    const fields = { model: qualifiedName(target), tries, pause_ms: Math.round(pauseMs), reason };
    log.warn(fields, `model call failed, trying again: ${message}`);
    await sleep(pauseMs, signal);
    if (signal.aborted) throw cancelled(signal);
  }
}

function withFallbacks(requested: Target, { fallbacks }: Targets): Target[] {
  const names = new Map([requested, ...fallbacks].map((target) => [qualifiedName(target), target]));
  return [...names.values()];
}

/** The room that a long prompt leaves is estimated, so the limit is never below this. */
const MIN_OUTPUT_TOKENS = 1_024;

/** The output limit in tokens: the request's, capped by the model's maximum and the room left in its context. */
function outputLimit(catalog: Catalog, target: Target, { request, chat }: Pick<Call, 'request' | 'chat'>): number {
  const { contextTokens, maxOutputTokens } = catalog.describe(target);
  if (request.maxOutputTokens !== undefined)
    return catalog.knows(target) ? Math.min(request.maxOutputTokens, maxOutputTokens) : request.maxOutputTokens;
  if (contextTokens === null) return maxOutputTokens;
  return Math.min(maxOutputTokens, Math.max(MIN_OUTPUT_TOKENS, contextTokens - chatTokens(request, chat)));
}

function noLinkedImages(path: string, { provider }: Target): ReeveError {
  return invalidField(path, `images are not fetched for ${provider}; send the image itself, as a data: URL`);
}

/** The first model's error, followed by the fallback's. */
function joined(first: ReeveError, target: Target, { message }: ReeveError): ReeveError {
  const { reason, retryAfterMs } = first;
  return new ReeveError(reason, `${first.message} The fallback ${qualifiedName(target)} failed too: ${message}`, {
    cause: first.cause,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
