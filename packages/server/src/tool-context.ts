import { inTenant, type Database } from '@reeve/db';
import { currentContext, newTraceId } from '@reeve/kit';
import { forgetAs, recallAs, remember, type EmbedMemoryQuery, type MemoryRulesOf } from '@reeve/memory';
import type { Workspaces } from '@reeve/sandbox';
import type { ToolContext } from '@reeve/tools';
import type { createEgress } from './egress.ts';
import type { Toolbox } from './toolbox.ts';

/**
 * Builds the context of tool calls for a tenant's session: its workspace, local or remote, the tenant's memory, the
 * directories of skills, and the open hosts.
 */
export function createToolContext(
  database: Database,
  memoryRulesOf: MemoryRulesOf,
  toolbox: Pick<Toolbox, 'skillContext'>,
  workspaces: Pick<Workspaces, 'open' | 'quota'>,
  egressOf: ReturnType<typeof createEgress>,
  embedQuery: EmbedMemoryQuery | undefined,
) {
  return async (
    who: { tenantId: string; sessionId: string; runId: string | null },
    idempotencyKey: string,
    signal: AbortSignal,
    /** Absent outside a run. */
    agent?: { readonly skills: readonly string[]; readonly persona_id: string | null },
  ): Promise<ToolContext> => {
    const { tenantId, sessionId, runId } = who;
    const personaId = agent?.persona_id ?? null;
    const rememberer = { tenantId, userId: 'agent', traceId: currentContext()?.traceId ?? newTraceId() };
    return {
      ...who,
      idempotencyKey,
      signal,
      workspace: await workspaces.open(tenantId, sessionId),
      quota: workspaces.quota,
      egressOf: (tool) => egressOf(who, tool),
      ...toolbox.skillContext(agent?.skills),
      now: () => new Date(),
      memory: {
        async remember(input) {
          const wanted = { ...input, persona_id: personaId, sessionId, ...(runId !== null && { runId }) };
          const rules = await memoryRulesOf(tenantId);
          return inTenant(database.db, tenantId, (tx) => remember(tx, rememberer, wanted, rules));
        },
        recall: async (input) => {
          const asked = await embedQuery?.(tenantId, input.query, signal);
          return inTenant(database.db, tenantId, (tx) => recallAs(tx, tenantId, personaId, input, asked));
        },
        forget: (id) => inTenant(database.db, tenantId, (tx) => forgetAs(tx, rememberer, personaId, id)),
      },
    };
  };
}
