import { routes, type ComponentHealth, type ComponentName, type Health } from '@reeve/contract';
import { describePooler, type Database, type Pooler } from '@reeve/db';
import { openApiOf, REFERENCE_POLICY, referencePage, Reply, type App } from '@reeve/http';
import { metrics, ReeveError, type ConfigOf } from '@reeve/kit';
import type { gatewaySettings } from './config.ts';
import type { ExternalState, SenderState } from '@reeve/memory';
import type { EmbedQuery } from '@reeve/retrieval';
import type { ModelGateway } from '@reeve/models';
import type { Sandbox } from '@reeve/sandbox';
import { countModelWaits, type Worker } from '@reeve/tasks';
import { sql } from 'kysely';
import type { Circuits } from './circuits.ts';

export interface HealthParts {
  readonly config: Pick<ConfigOf<typeof gatewaySettings>, 'showsMetrics'>;
  readonly database: Database;
  readonly models: ModelGateway;
  readonly sandbox: Pick<Sandbox, 'status'>;
  readonly worker: Worker | undefined;
  /** Undefined without an embedding model. */
  readonly embedKnowledgeQuery?: EmbedQuery | undefined;
  /** Undefined without an external memory. */
  readonly externalMemory?: (ExternalState & SenderState) | undefined;
  readonly circuits: Circuits;
  readonly version: string;
  readonly commit: string;
  readonly roles: readonly string[];
  /** Policies, rate limits and load. */
  readonly holds: Readonly<Record<'policies' | 'limits' | 'overload', () => ComponentHealth>>;
  /** Why new work is refused now; undefined if it is accepted. */
  readonly notReady: () => string | undefined;
}

const DATABASE_PATIENCE_MS = 2_000;

/** Mounts health, version, metrics and the documents made from the routes. */
export function mountHealth(app: App, parts: HealthParts): void {
  const startedAt = performance.now();

  app.mount(routes.getHealth, async () => {
    const components = await componentsOf(parts);
    const states = Object.values(components).map(({ status }) => status);
    const status =
      components.database.status === 'unavailable'
        ? 'unavailable'
        : states.every((state) => state === 'ok')
          ? 'ok'
          : 'degraded';
    const uptime_s = Math.round((performance.now() - startedAt) / 1000);
    const health: Health = {
      service: 'reeve',
      status,
      version: parts.version,
      uptime_s,
      roles: [...parts.roles],
      components,
    };
    return new Reply(status === 'unavailable' ? 503 : 200, health);
  });

  app.mount(routes.getLive, async () => ({ status: 'ok' }));

  app.mount(routes.getReady, async () => {
    const reason =
      parts.notReady() ??
      ((await checkDatabase(parts.database)).status === 'ok' ? undefined : 'the database does not answer');
    return reason === undefined ? { status: 'ok' } : new Reply(503, { status: 'unavailable', reason });
  });

  app.mount(routes.getVersion, async () => ({ version: parts.version, commit: parts.commit, node: process.version }));
  app.mount(routes.getMetrics, async () => {
    if (!parts.config.showsMetrics) throw new ReeveError('not_found', 'metrics are switched off (REEVE_METRICS)');
    return metrics.metrics();
  });

  let document: Record<string, unknown> | undefined;
  const openApi = () =>
    (document ??= openApiOf(app.routes, {
      title: 'Reeve',
      version: parts.version,
      description:
        'Reeve runs AI agents on your own machines: hand an agent a task, and it is queued durably, planned, run in a sandbox, remembered and audited.',
    }));
  app.mount(routes.getOpenApi, async () => openApi());
  let page: string | undefined;
  app.mount(routes.getDocs, async () => {
    page ??= referencePage(openApi());
    return new Reply(200, page, routes.getDocs.produces, { 'content-security-policy': REFERENCE_POLICY });
  });
}

async function componentsOf({
  database,
  models,
  sandbox,
  worker,
  circuits,
  holds,
  embedKnowledgeQuery,
  externalMemory,
}: HealthParts): Promise<Record<ComponentName, ComponentHealth>> {
  const checked = await checkDatabase(database);
  const followed = (message: string): ComponentHealth => ({
    status: checked.status,
    message: checked.status === 'ok' ? message : 'it lives in the database, which does not answer',
  });
  return {
    database: checked,
    gateway: worse(gatewayHealth(circuits), holds.overload()),
    tenants: holds.policies(),
    broker: followed('in the database; no external broker is configured'),
    cache: holds.limits(),
    models: withWaits(models.health(), checked.status === 'ok' ? await countModelWaits(database.db).catch(() => 0) : 0),
    memory: worse(
      followed(embedKnowledgeQuery === undefined ? 'lexical retrieval' : 'retrieval by words and vectors'),
      externalHealth(externalMemory),
    ),
    sandbox: sandbox.status(),
    pools: { status: 'ok', message: 'no pools in this release' },
    scheduler: {
      status: 'ok',
      message:
        worker === undefined
          ? 'this process takes no tasks from the queue'
          : `${worker.running} tasks in progress here`,
    },
  };
}

/** The health of the models, with how many tasks wait for one that takes no calls. */
function withWaits(health: ComponentHealth, tasks: number): ComponentHealth {
  if (tasks === 0) return health;
  const waiting = `${tasks} ${tasks === 1 ? 'task waits' : 'tasks wait'} for a model that takes no calls`;
  return { ...health, message: health.message === undefined ? waiting : `${health.message}; ${waiting}` };
}

function worse(one: ComponentHealth, other: ComponentHealth): ComponentHealth {
  return other.status === 'ok' ? one : other;
}

function externalHealth(externalMemory: HealthParts['externalMemory']): ComponentHealth {
  if (externalMemory === undefined) return { status: 'ok' };
  if (externalMemory.circuit() !== 'closed')
    return { status: 'degraded', message: 'the external memory does not answer; the built-in one does' };
  return externalMemory.isBehind()
    ? { status: 'degraded', message: 'the external memory rejects memories; they are sent again' }
    : { status: 'ok' };
}

function gatewayHealth(circuits: Circuits): ComponentHealth {
  const { start, agents } = circuits.open();
  if (start) return { status: 'degraded', message: 'runs could not be started; the circuit of /execute is open' };
  const few = agents === 1 ? 'the circuit of one agent is open' : `the circuits of ${agents} agents are open`;
  return { status: 'ok', message: agents === 0 ? 'all circuits of /execute are closed' : few };
}

async function checkDatabase({ db, kind, pooler }: Database): Promise<ComponentHealth> {
  const startedAt = performance.now();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('no answer in time')), DATABASE_PATIENCE_MS);
  try {
    await Promise.race([sql`select 1`.execute(db), late]);
    return {
      status: 'ok',
      latency_ms: Math.round((performance.now() - startedAt) * 10) / 10,
      message: kind === 'pglite' ? 'embedded' : nameOf(pooler),
    };
  } catch {
    return { status: 'unavailable', message: `no answer within ${DATABASE_PATIENCE_MS} ms` };
  } finally {
    clearTimeout(timer);
  }
}

function nameOf(pooler: Pooler | undefined): string {
  if (pooler === undefined) return 'PostgreSQL';
  const { found, remedy } = describePooler(pooler);
  return `PostgreSQL ${found}${remedy === null ? '' : `; ${remedy}`}`;
}
