import type { Agent } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import type { AgentConfig } from './agent.ts';
import { ensureBuiltinAgents, mayNeedBuiltin } from './builtin.ts';
import { selectAgent, selectVersion } from './store.ts';

/**
 * One agent by its id or, in any case, its slug; undefined where there is none or it was deleted. A built-in one
 * that the tenant lacks, or has in an older version, is made first, in the caller's transaction.
 */
export async function findAgent(tx: Tx, tenantId: string, ref: string): Promise<Agent | undefined> {
  const agent = await selectAgent(tx, tenantId, ref);
  if (!mayNeedBuiltin(agent, ref)) return agent;
  await ensureBuiltinAgents(tx, tenantId);
  return selectAgent(tx, tenantId, ref);
}

/** As `findAgent`, but throws `not_found`. */
export async function requireAgent(tx: Tx, tenantId: string, ref: string): Promise<Agent> {
  const agent = await findAgent(tx, tenantId, ref);
  if (agent === undefined) throw new ReeveError('not_found', `there is no agent ${ref}`);
  return agent;
}

/** The configuration of one version, of a deleted agent too: what a run began with. Throws `not_found`. */
export async function selectAgentVersion(tx: Tx, agentId: string, version: number): Promise<AgentConfig> {
  const config = await selectVersion(tx, agentId, version);
  if (config === undefined) throw new ReeveError('not_found', `agent ${agentId} has no version ${version}`);
  return config;
}
