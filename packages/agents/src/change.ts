import { recordAudit } from '@reeve/audit';
import type { Agent, AgentInput, AgentPatch } from '@reeve/contract';
import { inTenant, isUniqueViolation, type Database, type Tx } from '@reeve/db';
import { freeSlug, newId, ReeveError, requireSlug, slugFromName } from '@reeve/kit';
import { holdPersona } from '@reeve/memory';
import {
  applyPatch,
  changedFields,
  configOf,
  isSameConfig,
  withoutRepeats,
  type AgentConfig,
  type Requester,
} from './agent.ts';
import { ensureBuiltinAgents } from './builtin.ts';
import { requireAgent, selectAgentVersion } from './find.ts';
import { insertAgent, insertVersion, lockAgent, selectSlugs, updateAgentVersion, updateDeleted } from './store.ts';

/**
 * Makes an agent. Without a slug it gets one from its name, with a number where that is taken; a slug that was given
 * and is taken is a `conflict`.
 */
export async function createAgent(database: Database, requester: Requester, input: AgentInput): Promise<Agent> {
  const { tenantId } = requester;
  if (input.slug !== undefined) requireSlug(input.slug, 'an agent');
  return inTenant(database.db, tenantId, async (tx) => {
    await ensureBuiltinAgents(tx, tenantId);
    const id = newId();
    const slug = input.slug ?? (await insertUnderFreeSlug(tx, tenantId, id, input.name));
    await holdPersona(tx, tenantId, input.persona_id);
    if (input.slug !== undefined && !(await insertAgent(tx, { id, tenantId, slug, name: input.name, builtIn: false })))
      throw slugTaken();
    await insertVersion(tx, {
      agentId: id,
      version: 1,
      tenantId,
      config: { ...withoutRepeats(input), slug },
      createdBy: requester.userId,
    });
    await record(tx, requester, 'AGENT_CREATED', { agent: slug, id, version: 1 });
    return requireAgent(tx, tenantId, id);
  });
}

/**
 * Changes the fields sent, as a new version; sending what is already so makes none. Throws `not_found`, `forbidden`
 * for a built-in agent, and `conflict` for a slug that is taken.
 */
export async function updateAgent(
  database: Database,
  requester: Requester,
  ref: string,
  patch: AgentPatch,
): Promise<Agent> {
  if (patch.slug !== undefined) requireSlug(patch.slug, 'an agent');
  return withSlugConflict(() =>
    changing(database, requester.tenantId, async (tx) => {
      const agent = await lockOwnAgent(tx, requester.tenantId, ref);
      return addVersion(tx, requester, agent, applyPatch(configOf(agent), patch));
    }),
  );
}

/** Makes an old version's configuration the newest one. Fails as `updateAgent` does. */
export async function restoreVersion(
  database: Database,
  requester: Requester,
  ref: string,
  version: number,
): Promise<Agent> {
  return withSlugConflict(() =>
    changing(database, requester.tenantId, async (tx) => {
      const agent = await lockOwnAgent(tx, requester.tenantId, ref);
      return addVersion(tx, requester, agent, await selectAgentVersion(tx, agent.id, version), { restored: version });
    }),
  );
}

/** Deletes an agent: nobody finds it any more and its slug is free, but runs keep its versions. Throws `not_found` and `forbidden`. */
export async function deleteAgent(database: Database, requester: Requester, ref: string): Promise<void> {
  await changing(database, requester.tenantId, async (tx) => {
    const { id, slug, version } = await lockOwnAgent(tx, requester.tenantId, ref);
    await updateDeleted(tx, requester.tenantId, id);
    await record(tx, requester, 'AGENT_DELETED', { agent: slug, id, version });
  });
}

/** Tells those who remember agents, once the change is committed. */
async function changing<T>(database: Database, tenantId: string, change: (tx: Tx) => Promise<T>): Promise<T> {
  const changed = await inTenant(database.db, tenantId, change);
  database.notify('reeve_agents', tenantId);
  return changed;
}

/** Inserts an agent under a slug of its name's; two that do so at once get two. */
async function insertUnderFreeSlug(tx: Tx, tenantId: string, id: string, name: string): Promise<string> {
  const wanted = slugFromName(name, 'agent');
  for (;;) {
    const slug = freeSlug(wanted, await selectSlugs(tx, tenantId, wanted));
    if (await insertAgent(tx, { id, tenantId, slug, name, builtIn: false })) return slug;
  }
}

/** The agent as it is once nobody else can change it any more. */
async function lockOwnAgent(tx: Tx, tenantId: string, ref: string): Promise<Agent> {
  const { id } = await requireAgent(tx, tenantId, ref);
  await lockAgent(tx, tenantId, id);
  const agent = await requireAgent(tx, tenantId, id);
  if (agent.built_in) {
    throw new ReeveError(
      'forbidden',
      `the agent ${agent.slug} is built in and cannot be changed or deleted; create one of your own with its configuration`,
    );
  }
  return agent;
}

async function addVersion(
  tx: Tx,
  requester: Requester,
  agent: Agent,
  config: AgentConfig,
  details: Readonly<Record<string, unknown>> = {},
): Promise<Agent> {
  const before = configOf(agent);
  if (isSameConfig(before, config)) return agent;
  const { tenantId, userId } = requester;
  const version = agent.version + 1;
  await holdPersona(tx, tenantId, config.persona_id);
  await insertVersion(tx, { agentId: agent.id, version, tenantId, config, createdBy: userId });
  await updateAgentVersion(tx, tenantId, agent.id, version, config);
  await record(tx, requester, 'AGENT_CHANGED', {
    agent: config.slug,
    id: agent.id,
    version,
    fields: changedFields(before, config),
    ...details,
  });
  return requireAgent(tx, tenantId, agent.id);
}

async function withSlugConflict<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isUniqueViolation(error)) throw slugTaken(error);
    throw error;
  }
}

function slugTaken(cause?: unknown): ReeveError {
  return new ReeveError('conflict', 'another agent has this slug; slugs are unique in a tenant, whatever their case', {
    cause,
  });
}

function record(
  tx: Tx,
  { tenantId, userId, traceId }: Requester,
  action: 'AGENT_CREATED' | 'AGENT_CHANGED' | 'AGENT_DELETED',
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  return recordAudit(tx, [{ tenantId, actor: userId, action, traceId, details }]);
}
