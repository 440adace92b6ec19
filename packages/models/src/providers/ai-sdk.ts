import { AsyncLocalStorage } from 'node:async_hooks';
import { ReeveError } from '@reeve/kit';
import type { AnswerPart, BackendRequest, Backend } from '../backend.ts';
import { convertStream } from './convert-stream.ts';
import { toFault } from './fault.ts';
import type { ProviderTimeouts } from './timeouts.ts';
import { startAnswerTimeouts } from './answer-timeouts.ts';
import { toCallOptions } from './prompt.ts';
import type { OllamaSettings } from '../ollama/chat-request.ts';
import { readHabits } from '../local/read-habits.ts';
import { loadProvider, type ProviderModels } from './load-provider.ts';
import type { StreamingModel } from './streaming-model.ts';
import { openRelay } from '../chat/relay.ts';
import { isLocal, takesChatCompletions, type RemoteConfig } from '../targets.ts';
import { openTransport, type CreateFetch } from './transport.ts';

/** The backend of a provider: calls go through its AI SDK package, which the first call loads, and chat completions are relayed. */
export function openRemoteBackend(remote: RemoteConfig, timeouts: ProviderTimeouts, ollama: OllamaSettings): Backend {
  let loading: Promise<Loaded> | undefined;
  const load = async () => {
    const { model, options } = await loadProvider(remote, ollama);
    return { model: keptModels(model), options, createFetch: openTransport(timeouts) };
  };

  async function* answer(ask: BackendRequest, signal: AbortSignal): AsyncGenerator<AnswerPart> {
    yield* answerOnce(remote, await (loading ??= load()), timeouts, ask, signal);
  }
  const relay = takesChatCompletions(remote) ? openRelay(remote, timeouts) : undefined;
  return {
    relays: relay !== undefined,
    answer: (ask, signal) =>
      ask.chat === undefined || relay === undefined ? answer(ask, signal) : relay(ask, ask.chat, signal),
    explain: (thrown, model) => toFault(thrown, remote, model),
  };
}

interface Loaded {
  readonly model: (name: string) => StreamingModel;
  readonly options: ProviderModels['options'];
  readonly createFetch: CreateFetch;
}

/** The current call's fetch: a model object is created once and serves every call, since creating one costs more than most of a call. */
const ownFetch = new AsyncLocalStorage<typeof globalThis.fetch>();
const MODELS_KEPT = 100;

function keptModels(make: ProviderModels['model']): Loaded['model'] {
  const made = new Map<string, StreamingModel>();
  return (name) => {
    const model = made.get(name) ?? make(name, (input, init) => ownFetch.getStore()!(input, init));
    if (made.size < MODELS_KEPT) made.set(name, model);
    return model;
  };
}

/** One request to the provider. Leaving the loop over it, or aborting `signal`, closes the connection at once. */
async function* answerOnce(
  { provider }: RemoteConfig,
  { model: modelOf, options, createFetch }: Loaded,
  limits: ProviderTimeouts,
  ask: BackendRequest,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart> {
  const { model, request } = ask;
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener('abort', abort, { once: true });
  let timedOut: ReeveError | undefined;
  const timeouts = startAnswerTimeouts(provider, limits, (error) => {
    timedOut ??= error;
    controller.abort();
  });
  const onOutput = (characters: number) => {
    timeouts.onOutput();
    ask.onOutput(characters);
  };
  try {
    const fetch = reportingHeaders(createFetch({ reset: timeouts.onByte }), timeouts.onHeaders);
    const { stream } = await ownFetch.run(fetch, () =>
      modelOf(model).doStream({
        ...toCallOptions(request, { provider, model }),
        abortSignal: controller.signal,
        ...(options && { providerOptions: options }),
      }),
    );
    const parts = convertStream(stream, { provider, model }, { ...ask, onOutput }, timeouts.onBlock);
    yield* isLocal(provider) ? readHabits(parts, request) : parts;
  } catch (error) {
    if (timedOut === undefined) throw error;
    throw new ReeveError(timedOut.reason, timedOut.message, { cause: error, brokeOff: timedOut.brokeOff });
  } finally {
    timeouts.stop();
    signal.removeEventListener('abort', abort);
    controller.abort();
  }
}

/** A fetch that reports when the response headers have arrived. */
function reportingHeaders(fetch: typeof globalThis.fetch, onHeaders: () => void): typeof globalThis.fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    onHeaders();
    return response;
  };
}
