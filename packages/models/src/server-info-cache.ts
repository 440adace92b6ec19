import { createPerModel } from './calls/per-model.ts';
import type { ServerInfo } from './server-info.ts';
import type { CalledModel, Targets } from './targets.ts';

/** How long an answer of a server about itself serves whoever asks, in milliseconds. */
const KEPT_MS = 5_000;

/** What the server of a model says of itself; undefined for a provider that is not asked. */
export type ReadServerInfo = (target: CalledModel) => Promise<ServerInfo> | undefined;

/** Servers of the openai-compatible kind are asked, each once where several ask at a time. */
export function createServerInfoCache(remotes: Targets['remotes']): ReadServerInfo {
  const asked = createPerModel<{ at: number; info: Promise<ServerInfo> | undefined }>(
    () => ({ at: -Infinity, info: undefined }),
    () => true,
  );
  return (target) => {
    const remote = [...remotes.values()].find(({ provider }) => provider === target.provider);
    if (remote?.provider !== 'openai-compatible') return undefined;
    const entry = asked.of(target);
    if (entry.info === undefined || performance.now() - entry.at > KEPT_MS) {
      entry.at = performance.now();
      entry.info = import('./server-info.ts').then(({ readServerInfo }) => readServerInfo(remote, target.model));
    }
    return entry.info;
  };
}
