import { AsyncLocalStorage } from 'node:async_hooks';
import type { LanguageModelV4 } from '@ai-sdk/provider';
import { ReeveError } from '@reeve/kit';
import type { AnswerPart, Ask, Backend } from './backend.ts';
import { convert } from './convert.ts';
import { toFault } from './fault.ts';
import type { Limits } from './limits.ts';
import { startPatience } from './patience.ts';
import { toCallOptions } from './prompt.ts';
import { loadProvider, type ProviderModels } from './providers.ts';
import { openRelay } from './relay.ts';
import { speaksChat, type RemoteConfig } from './remote.ts';
import { openTransport, type CreateFetch } from './transport.ts';

/** A provider behind its AI SDK package, which the first call loads; its own words are relayed to it instead. */
export function openRemoteBackend(remote: RemoteConfig, limits: Limits): Backend {
  let loading: Promise<Loaded> | undefined;
  const load = async () => {
    const { model, options } = await loadProvider(remote);
    return { model: keptModels(model), options, createFetch: openTransport(limits) };
  };

  async function* answer(ask: Ask, signal: AbortSignal): AsyncGenerator<AnswerPart> {
    yield* answerOnce(remote, await (loading ??= load()), limits, ask, signal);
  }
  const relay = speaksChat(remote) ? openRelay(remote, limits) : undefined;
  return {
    relays: relay !== undefined,
    answer: (ask, signal) =>
      ask.chat === undefined || relay === undefined ? answer(ask, signal) : relay(ask, ask.chat, signal),
    explain: (thrown, model) => toFault(thrown, remote, model),
  };
}

interface Loaded {
  readonly model: (name: string) => LanguageModelV4;
  readonly options: ProviderModels['options'];
  readonly createFetch: CreateFetch;
}

/** The fetch of the call under way: a model is made once and serves every call, since making one costs more than most of a call. */
const ownFetch = new AsyncLocalStorage<typeof globalThis.fetch>();
const MODELS_KEPT = 100;

function keptModels(make: ProviderModels['model']): Loaded['model'] {
  const made = new Map<string, LanguageModelV4>();
  return (name) => {
    const model = made.get(name) ?? make(name, (input, init) => ownFetch.getStore()!(input, init));
    if (made.size < MODELS_KEPT) made.set(name, model);
    return model;
  };
}

/** One request to the provider. Leaving the loop over it, or the caller's signal, closes the connection at once. */
async function* answerOnce(
  { provider }: RemoteConfig,
  { model: modelOf, options, createFetch }: Loaded,
  limits: Limits,
  ask: Ask,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart> {
  const { model, request } = ask;
  const controller = new AbortController();
  const abort = () => controller.abort();
  signal.addEventListener('abort', abort, { once: true });
  let late: ReeveError | undefined;
  const patience = startPatience(provider, limits, (error) => {
    late ??= error;
    controller.abort();
  });
  const onOutput = (characters: number) => {
    patience.onOutput();
    ask.onOutput(characters);
  };
  try {
    const fetch = withLimit(createFetch({ touch: patience.onByte }), patience.onHeaders);
    const { stream } = await ownFetch.run(fetch, () =>
      modelOf(model).doStream({
        ...toCallOptions(request, { provider, model }),
        abortSignal: controller.signal,
        ...(options && { providerOptions: options }),
      }),
    );
    yield* convert(stream, { provider, model }, { ...ask, onOutput }, patience.onBlock);
  } catch (error) {
    if (late === undefined) throw error;
    throw new ReeveError(late.reason, late.message, { cause: error, brokeOff: late.brokeOff });
  } finally {
    patience.stop();
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
