import { recordAudit, type AuditAction } from '@reeve/audit';
import type { Agent } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { currentContext, newId, newTraceId } from '@reeve/kit';
import { configOf, isSameConfig, type AgentConfig } from './agent.ts';
import { assistant } from './assistant.ts';
import {
  hasVersionWith,
  insertAgent,
  insertVersion,
  lockAgent,
  selectAgent,
  selectBuiltinAgents,
  updateAgentVersion,
} from './store.ts';

const BUILTIN_AGENTS: readonly AgentConfig[] = [assistant];

/**
 * Gives the tenant the built-in agents that it lacks, and those it has a new version where this program's
 * configuration is one they never had. So programs of two versions that run side by side do not overwrite each other
 * in turn. A slug that an agent of the tenant's own already has stays with that agent.
 */
export async function ensureBuiltinAgents(tx: Tx, tenantId: string): Promise<void> {
  const present = await selectBuiltinAgents(tx, tenantId);
  for (const config of BUILTIN_AGENTS) {
    const agent = present.find(({ slug }) => slug === config.slug);
    if (agent === undefined) await insertBuiltin(tx, tenantId, config);
    else if (!isSameConfig(configOf(agent), config)) await upgradeBuiltin(tx, tenantId, agent, config);
  }
}

/** True where `ensureBuiltinAgents` may change what was found under a slug or id. Asks nobody. */
export function mayNeedBuiltin(agent: Agent | undefined, ref: string): boolean {
  const slug = (agent?.slug ?? ref).toLowerCase();
  const config = BUILTIN_AGENTS.find((builtin) => builtin.slug === slug);
  if (config === undefined) return false;
  return agent === undefined || (agent.built_in && !isSameConfig(configOf(agent), config));
}

async function insertBuiltin(tx: Tx, tenantId: string, config: AgentConfig): Promise<void> {
  const id = newId();
  if (!(await insertAgent(tx, { id, tenantId, slug: config.slug, name: config.name, builtIn: true }))) return;
  await insertVersion(tx, { agentId: id, version: 1, tenantId, config, createdBy: 'system' });
  await record(tx, tenantId, 'AGENT_CREATED', { agent: config.slug, id, version: 1 });
}

async function upgradeBuiltin(tx: Tx, tenantId: string, { id }: Agent, config: AgentConfig): Promise<void> {
  if (await hasVersionWith(tx, id, config)) return;
  await lockAgent(tx, tenantId, id);
  const current = await selectAgent(tx, tenantId, id);
  if (current === undefined || (await hasVersionWith(tx, id, config))) return;
  const version = current.version + 1;
  await insertVersion(tx, { agentId: id, version, tenantId, config, createdBy: 'system' });
  await updateAgentVersion(tx, tenantId, id, version, config);
  await record(tx, tenantId, 'AGENT_CHANGED', { agent: config.slug, id, version });
}

function record(
  tx: Tx,
  tenantId: string,
  action: AuditAction,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  return recordAudit(tx, [
    { tenantId, actor: 'system', action, traceId: currentContext()?.traceId ?? newTraceId(), details },
  ]);
}
