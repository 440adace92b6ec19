import type { AnswerPart, Backend } from './backend.ts';
import type { Limits } from './limits.ts';
import { createLazy } from './lazy.ts';
import { createMockModel } from './mock.ts';
import { speaksChat, type RemoteConfig, type Target, type Targets } from './remote.ts';

/** The backend of each configured provider, opened with its first call. */
export function backendsOf(targets: Targets, limits: Limits): (provider: Target['provider']) => Backend {
  const opened = new Map<Target['provider'], Backend>([['mock', createMockModel()]]);
  return (provider) => {
    const found = opened.get(provider);
    if (found !== undefined) return found;
    const backend = openLazily(targets.remotes.get(provider)!, limits);
    opened.set(provider, backend);
    return backend;
  };
}

/** A remote backend whose code is loaded by its first call: the built-in model needs none of it. */
function openLazily(remote: RemoteConfig, limits: Limits): Backend {
  let loaded: Backend | undefined;
  const backend = createLazy(async () => (loaded = (await import('./ai-sdk.ts')).openRemoteBackend(remote, limits)));
  async function* answerFirst(...asked: Parameters<Backend['answer']>): AsyncGenerator<AnswerPart> {
    yield* (await backend.get()).answer(...asked);
  }
  return {
    relays: speaksChat(remote),
    answer: (...asked) => (loaded === undefined ? answerFirst(...asked) : loaded.answer(...asked)),
    explain(thrown, model) {
      if (loaded === undefined) throw thrown;
      return loaded.explain(thrown, model);
    },
  };
}
