import type { Catalog } from '../catalog.ts';
import type { ModelConfig } from '../config.ts';
import { isLocal, type CalledModel, type Targets } from '../targets.ts';
import type { CallLimitOptions } from './limit.ts';

type LimitSource = Pick<CallLimitOptions, 'configured' | 'isLocal' | 'readServerSlots'>;

/**
 * How the limit of each model is known: from the table of models, from LLM_MAX_CONCURRENCY, from the server where it says so,
 * else learnt. The built-in model has none.
 */
export function limitsOf(
  { llmMaxConcurrency }: Pick<ModelConfig, 'llmMaxConcurrency'>,
  { remotes }: Pick<Targets, 'remotes'>,
  catalog: Catalog,
): (target: CalledModel) => LimitSource {
  return (target) => {
    const remote = remotes.get(target.provider as Parameters<typeof remotes.get>[0]);
    const configured = catalog.maxConcurrencyOf(target) ?? (remote === undefined ? undefined : llmMaxConcurrency);
    if (remote?.provider !== 'openai-compatible')
      return { configured, isLocal: remote !== undefined && isLocal(remote.provider) };
    return {
      configured,
      isLocal: true,
      readServerSlots: async () => (await import('../server-info.ts')).readServerSlots(remote),
    };
  };
}
