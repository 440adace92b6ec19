import { routes, type ComponentHealth, type ComponentName, type Health } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { openApiOf, referencePage, Reply, type App } from '@reeve/http';
import { metrics } from '@reeve/kit';
import type { ModelGateway } from '@reeve/models';
import type { Sandbox } from '@reeve/sandbox';
import type { Worker } from '@reeve/tasks';
import { sql } from 'kysely';

export interface HealthParts {
  readonly database: Database;
  readonly models: ModelGateway;
  readonly sandbox: Sandbox;
  readonly worker: Worker | undefined;
  readonly version: string;
  readonly commit: string;
  readonly roles: readonly string[];
  /** Why work is not taken now, or undefined where it is. */
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
  app.mount(routes.getMetrics, async () => metrics.metrics());

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
  app.mount(routes.getDocs, async () => (page ??= referencePage(openApi())));
}

async function componentsOf({
  database,
  models,
  sandbox,
  worker,
}: HealthParts): Promise<Record<ComponentName, ComponentHealth>> {
  const checked = await checkDatabase(database);
  const followed = (message: string): ComponentHealth => ({
    status: checked.status,
    message: checked.status === 'ok' ? message : 'it lives in the database, which does not answer',
  });
  return {
    database: checked,
    broker: followed('in the database; no external broker is configured'),
    cache: followed('in the database; no Redis is configured'),
    models: models.health(),
    memory: followed('lexical retrieval'),
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

async function checkDatabase({ db, kind }: Database): Promise<ComponentHealth> {
  const startedAt = performance.now();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('no answer in time')), DATABASE_PATIENCE_MS);
  try {
    await Promise.race([sql`select 1`.execute(db), late]);
    return {
      status: 'ok',
      latency_ms: Math.round((performance.now() - startedAt) * 10) / 10,
      message: kind === 'pglite' ? 'embedded' : 'PostgreSQL',
    };
  } catch {
    return { status: 'unavailable', message: `no answer within ${DATABASE_PATIENCE_MS} ms` };
  } finally {
    clearTimeout(timer);
  }
}
