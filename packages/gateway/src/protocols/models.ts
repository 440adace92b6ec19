import { findAgent, listAgents } from '@reeve/agents';
import { routes, type Agent, type OpenAiModel } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import type { App } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { mayUseModel } from '@reeve/limits';
import { agentOf, type ProtocolParts } from './protocol.ts';

/** Mounts OpenAI’s list of models: those that are known by name, then the tenant’s agents. */
export function mountModels(
  app: App,
  { database, models, policies }: Pick<ProtocolParts, 'database' | 'models' | 'policies'>,
): void {
  app.mount(routes.listModels, async ({ principal: { tenantId }, query: { limit, offset } }) => {
    const { configs } = await inTenant(database.db, tenantId, async (tx) => {
      // A tenant's built-in agents are created when it first uses them.
      await findAgent(tx, tenantId, 'assistant');
      return listAgents(tx, tenantId, undefined, { limit, offset });
    });
    const policy = await policies.of(tenantId);
    const known = models
      .list()
      .filter((known) => mayUseModel(policy, nameOf(known)))
      .map(({ id, provider }) => model(id, provider, 0));
    return { object: 'list' as const, data: [...known, ...configs.map(ofAgent)] };
  });

  const find = async (tenantId: string, id: string): Promise<OpenAiModel> => {
    const ref = agentOf(id);
    if (ref === undefined) {
      const named = models.describe(id).id;
      const known = models.list().find((each) => each.id === named);
      if (known === undefined || !mayUseModel(await policies.of(tenantId), nameOf(known))) throw noModel(id);
      return model(known.id, known.provider, 0);
    }
    const agent = await inTenant(database.db, tenantId, (tx) => findAgent(tx, tenantId, ref));
    if (agent === undefined) throw noModel(id);
    return ofAgent(agent);
  };
  app.mount(routes.getModel, ({ principal: { tenantId }, params: { id } }) => find(tenantId, id));
  app.mount(routes.getModelOf, ({ principal: { tenantId }, params: { owner, id } }) =>
    find(tenantId, `${owner}/${id}`),
  );
}

/** With its provider, as policies see it. */
function nameOf({ id, provider }: { readonly id: string; readonly provider: string }): string {
  return id.startsWith(`${provider}/`) ? id : `${provider}/${id}`;
}

function ofAgent({ slug, created_at }: Agent): OpenAiModel {
  return model(`agent/${slug}`, 'reeve', Math.floor(Date.parse(created_at) / 1000));
}

function model(id: string, owned_by: string, created: number): OpenAiModel {
  return { id, object: 'model', created, owned_by };
}

function noModel(id: string): ReeveError {
  return new ReeveError('not_found', `there is no model ${id}`, {
    details: [{ path: 'model', message: 'is not the name of a model or an agent' }],
  });
}
