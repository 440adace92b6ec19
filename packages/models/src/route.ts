import { invalidField, ReeveError, sleep as realSleep, type Log } from '@reeve/kit';
import type { CallLedger } from '@reeve/ledger';
import { cancelled } from './account.ts';
import { attempt, type FailedAttempt } from './attempt.ts';
import { finalFault, type Backend } from './backend.ts';
import type { Catalog } from './catalog.ts';
import type { ChatCall, ChatPart } from './chat.ts';
import type { Circuits } from './circuits.ts';
import type { Instruments } from './instruments.ts';
import type { ModelGateway, ModelRequest } from './model.ts';
import { qualifiedName, resolveModel } from './model-name.ts';
import type { Target, Targets } from './remote.ts';
import { isProviderFault, pauseAfter } from './retry.ts';
import { chatTokens } from './tokens.ts';

/** What the road of a call leads over. */
export interface RouteParts {
  readonly targets: Targets;
  readonly backendOf: (provider: Target['provider']) => Backend;
  readonly catalog: Catalog;
  readonly circuits: Circuits;
  readonly instruments: Instruments;
  readonly log: Log;
}

/** What tests replace: waiting and chance. */
export interface RetryOptions {
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

/** Both ways to ask: in our words, and in those of OpenAI's Chat Completions. */
export type Road = Pick<ModelGateway, 'stream' | 'chat'>;

/**
 * The road of a model call: the model that is asked for, tried up to three times, then each fallback the same way.
 * Both only while nothing of an answer was handed on. Where all of them fail, the error is that of the first.
 */
export function createRoute(parts: RouteParts, retry: RetryOptions = {}): Road {
  async function* answer(asking: Omit<Call, 'attempts'>, signal: AbortSignal): AsyncGenerator<ChatPart> {
    const asked = resolveModel(parts.targets, asking.request.model);
    const call: Call = { ...asking, attempts: 0 };
    const targets = withFallbacks(asked, parts.targets);
    let first: ReeveError | undefined;
    for (const target of targets) {
      const failed = yield* askFallback(first, target, askModel(parts, retry, target, call, signal));
      if (failed === undefined) return;
      if (failed === DENIED) continue;
      const { error, streamed } = failed;
      if (streamed) throw error;
      first = first === undefined ? error : joined(first, target, error);
      if (!isProviderFault(error)) break;
      if (target !== targets.at(-1))
        parts.log.warn(
          { model: qualifiedName(target), reason: error.reason },
          `asking the next fallback: ${error.message}`,
        );
    }
    if (first !== undefined) throw first;
  }
  return {
    // Only what is asked with a chat is relayed.
    stream: ((request, signal, ledger) => answer({ request, ledger, chat: undefined }, signal)) as Road['stream'],
    chat: (chat, signal, ledger) => answer({ request: chat.request, ledger, chat }, signal),
  };
}

/** A fallback that the caller’s policy denies is as if it were not there. */
const DENIED = 'denied';

/** A fallback that no budget has room for has failed like any other: it must not hide why it was asked. */
async function* askFallback(
  first: ReeveError | undefined,
  target: Target,
  asking: AsyncGenerator<ChatPart, FailedAttempt | undefined>,
): AsyncGenerator<ChatPart, FailedAttempt | typeof DENIED | undefined> {
  try {
    return yield* asking;
  } catch (thrown) {
    const error = ReeveError.from(thrown);
    if (first !== undefined && error.reason === 'policy_denied') return DENIED;
    if (first === undefined || error.reason !== 'budget_exhausted') throw thrown;
    throw joined(first, target, error);
  }
}

/** A call on its way. */
interface Call {
  readonly request: ModelRequest;
  /** The same in the caller's own words, where it has some. */
  readonly chat: ChatCall | undefined;
  readonly ledger: CallLedger | undefined;
  /** Over all models; counted as the ledger is told. */
  attempts: number;
}

/** One model, up to three times. Returns the last failure, or nothing where it answered. */
async function* askModel(
  { backendOf, catalog, circuits, instruments, log }: RouteParts,
  { sleep = realSleep, random = Math.random }: RetryOptions,
  target: Target,
  call: Call,
  signal: AbortSignal,
): AsyncGenerator<ChatPart, FailedAttempt | undefined> {
  const { ledger } = call;
  const backend = backendOf(target.provider);
  const chat = backend.relays ? call.chat : undefined;
  const [picture] = chat === undefined ? (call.chat?.pictures ?? []) : [];
  if (picture !== undefined) return { ...finalFault(noPictures(picture, target), true), streamed: false };
  const breaker = circuits.of(target);
  const price = catalog.priceOf(target);
  const request = { ...call.request, maxOutputTokens: outputLimit(catalog, target, call) };
  let last: FailedAttempt | undefined;
  const number = () => (call.attempts += 1);
  const options = { target, backend, breaker, request, chat, price, number, ledger, instruments, log };
  for (let tries = 1; ; tries += 1) {
    const failed = yield* attempt(options, signal);
    if (failed === undefined) return undefined;
    // An attempt of ours that opened the circuit says more than the circuit.
    if (failed.error.reason === 'circuit_open') return last ?? failed;
    last = failed;
    const pauseMs = failed.streamed ? undefined : pauseAfter(failed, tries, random);
    if (pauseMs === undefined) return failed;
    const { reason, message } = failed.error;
    const what = { model: qualifiedName(target), tries, pause_ms: Math.round(pauseMs), reason };
    log.warn(what, `model call failed, trying again: ${message}`);
    await sleep(pauseMs, signal);
    if (signal.aborted) throw cancelled(signal);
  }
}

function withFallbacks(asked: Target, { fallbacks }: Targets): Target[] {
  const names = new Map([asked, ...fallbacks].map((target) => [qualifiedName(target), target]));
  return [...names.values()];
}

/** Room that a long prompt leaves is guessed, so never less than this. */
const LEAST_OUTPUT = 1_024;

/** The most that may be answered: what was asked for, and no more than the model has and its context leaves. */
function outputLimit(catalog: Catalog, target: Target, { request, chat }: Pick<Call, 'request' | 'chat'>): number {
  const { contextTokens, maxOutputTokens } = catalog.describe(target);
  if (request.maxOutputTokens !== undefined)
    return catalog.knows(target) ? Math.min(request.maxOutputTokens, maxOutputTokens) : request.maxOutputTokens;
  return Math.min(maxOutputTokens, Math.max(LEAST_OUTPUT, contextTokens - chatTokens(request, chat)));
}

function noPictures(path: string, { provider }: Target): ReeveError {
  return invalidField(path, `pictures cannot be sent to ${provider} yet; send text`);
}

/** The first error, which is about what was asked for, and what became of the model that was asked after it. */
function joined(first: ReeveError, target: Target, { message }: ReeveError): ReeveError {
  const { reason, retryAfterMs } = first;
  return new ReeveError(reason, `${first.message} The fallback ${qualifiedName(target)} failed too: ${message}`, {
    cause: first.cause,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
