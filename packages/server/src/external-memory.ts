import { createExternalMemory, type ExternalMemory } from '@reeve/memory';
import type { Outgoing } from '@reeve/http';
import type { Config } from './config.ts';

/** The external memory that is configured; undefined where there is none, or it is switched off. `outgoing` must reach what operators name. */
export function openExternalMemory(
  { somaBaseUrl, somaApiKey, somaTenantId, somaEnabled }: Config,
  outgoing: Pick<Outgoing, 'fetch'>,
): ExternalMemory | undefined {
  if (somaBaseUrl === undefined || !somaEnabled) return undefined;
  return createExternalMemory({ baseUrl: somaBaseUrl, apiKey: somaApiKey, tenantPrefix: somaTenantId, outgoing });
}
