import { routes, type Dashboard } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { failureTold, type App } from '@reeve/http';
import { ReeveError, type Log } from '@reeve/kit';
import type { ModelGateway } from '@reeve/models';
import type { Sandbox } from '@reeve/sandbox';
import type { Circuits } from './circuits.ts';
import {
  countAgents,
  countMemories,
  countRunsOfLastDay,
  countSessions,
  countTasksByStatus,
} from './dashboard-store.ts';

export interface DashboardParts {
  readonly database: Database;
  readonly models: ModelGateway;
  readonly sandbox: Pick<Sandbox, 'status'>;
  readonly circuits: Circuits;
  readonly log: Log;
}

type Data = Dashboard['data'];
type Known<Name extends keyof Data> = Omit<Extract<Data[Name], { status: 'ok' }>, 'status'>;

/** How long each part may take. */
const PATIENCE_MS = 2_000;

/** Mounts the dashboard, and the echo with which callers test their connection. */
export function mountOperations(app: App, parts: DashboardParts): void {
  app.mount(routes.echo, async ({ body: { ping, request_id }, context }) => ({
    service: 'reeve',
    received: ping,
    request_id: request_id ?? context.requestId,
  }));

  app.mount(routes.getDashboardData, async ({ principal: { tenantId }, context }) => {
    const data = await gather(partsOf(parts, tenantId), parts.log);
    const isWhole = Object.values(data).every(({ status }) => status === 'ok');
    return {
      service: 'reeve',
      status: isWhole ? ('ok' as const) : ('partial' as const),
      request_id: context.requestId,
      data,
    };
  });
}

type Parts = { readonly [Name in keyof Data]: () => Promise<Known<Name>> };

function partsOf({ database, models, sandbox, circuits }: DashboardParts, tenantId: string): Parts {
  const read = <T>(work: (tx: Tx) => Promise<T>) => inTenant(database.db, tenantId, work);
  return {
    agent: () =>
      read(async (tx) => ({
        agents: await countAgents(tx, tenantId),
        runs_last_day: await countRunsOfLastDay(tx, tenantId),
      })),
    sandbox: async () => healthOf(sandbox.status()),
    memory: () =>
      read(async (tx) => ({
        memories: await countMemories(tx, tenantId),
        sessions: await countSessions(tx, tenantId),
      })),
    models: async () => {
      const { provider, defaultModel: default_model } = models;
      return { ...healthOf(models.health()), provider, default_model, open_circuits: circuits.open() };
    },
    pools: async () => ({ message: 'no pools in this release' }),
    tasks: () => read(async (tx) => ({ by_status: await countTasksByStatus(tx, tenantId) })),
  };
}

function healthOf({ status, message }: ReturnType<ModelGateway['health']>) {
  return { health: status, ...(message !== undefined && { message }) };
}

/** Loads all parts in parallel, each with its own timeout: a part that fails or hangs is left out alone. */
export async function gather(parts: Parts, log: Log, patienceMs = PATIENCE_MS): Promise<Data> {
  const asked = Object.entries(parts).map(async ([name, ask]) => {
    try {
      return [name, { status: 'ok', ...(await within<object>(ask(), patienceMs)) }];
    } catch (error) {
      log.warn({ err: error, part: name }, 'a part of the dashboard could not be had');
      return [name, { status: 'error', error: failureTold(error).error }];
    }
  });
  return Object.fromEntries(await Promise.all(asked)) as Data;
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new ReeveError('timeout', `no answer within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
