import type { AnswerPart, Backend } from '../backend.ts';
import type { ProviderTimeouts } from './timeouts.ts';
import type { OllamaSettings } from '../ollama/chat-request.ts';
import { createLazy } from '../lazy.ts';
import { createMockModel } from '../mock/model.ts';
import { takesChatCompletions, type RemoteConfig, type Target, type Targets } from '../targets.ts';

/** The backend of each configured provider, opened with its first call. */
export function backendsOf(
  targets: Targets,
  timeouts: ProviderTimeouts,
  ollama: OllamaSettings,
): (provider: Target['provider']) => Backend {
  const opened = new Map<Target['provider'], Backend>([['mock', createMockModel()]]);
  return (provider) => {
    const found = opened.get(provider);
    if (found !== undefined) return found;
    const backend = openLazily(targets.remotes.get(provider)!, timeouts, ollama);
    opened.set(provider, backend);
    return backend;
  };
}

/** A remote backend whose code loads with its first call: the built-in model needs none of it. */
function openLazily(remote: RemoteConfig, timeouts: ProviderTimeouts, ollama: OllamaSettings): Backend {
  let loaded: Backend | undefined;
  const backend = createLazy(
    async () => (loaded = (await import('./ai-sdk.ts')).openRemoteBackend(remote, timeouts, ollama)),
  );
  async function* answerFirst(...args: Parameters<Backend['answer']>): AsyncGenerator<AnswerPart> {
    yield* (await backend.get()).answer(...args);
  }
  return {
    relays: takesChatCompletions(remote),
    answer: (...args) => (loaded === undefined ? answerFirst(...args) : loaded.answer(...args)),
    explain(thrown, model) {
      if (loaded === undefined) throw thrown;
      return loaded.explain(thrown, model);
    },
  };
}
