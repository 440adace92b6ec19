import type { Database } from '@reeve/db';
import { createApp } from '@reeve/http';
import { invalidField, silentLog } from '@reeve/kit';
import type { CallAttempt, CallEnd, CallOwner } from '../src/metering.ts';
import { mountUsage } from '../src/usage-routes.ts';

/** For tests: somebody whose calls only the budget of the tenant counts. */
export const OWNER: CallOwner = {
  tenantId: 'default',
  userId: 'ada',
  traceId: 'trace-1',
  agentId: null,
  personaId: null,
  runId: null,
  rootRunId: null,
  step: null,
};

/** Reserves 1,000 tokens, 250,000 billionths of a dollar. */
export const ATTEMPT: CallAttempt = {
  provider: 'acme',
  model: 'large',
  attempt: 1,
  inputTokens: 500,
  maxOutputTokens: 500,
  price: { inputNano: 100, cachedInputNano: 10, outputNano: 400 },
};

/** An end with so much input and output. */
export function ended(input: number, output: number, more: Partial<CallEnd> = {}): CallEnd {
  const usage = { input, output, cached: 0, reasoning: 0 };
  return { outcome: 'ok', usage, estimated: false, firstTokenMs: 20, latencyMs: 90, ...more };
}

interface BudgetOf {
  readonly tenantId?: string;
  readonly scope?: string;
  readonly ref?: string;
  readonly tokens?: number | null;
  readonly nano?: number | null;
}

/** Makes a budget, the tenant's own unless another is named. */
export async function setBudget(
  { db }: Database,
  { tenantId = 'default', scope = 'tenant', ref = '', tokens = null, nano = null }: BudgetOf,
): Promise<void> {
  await db
    .insertInto('budgets')
    .values({ tenant_id: tenantId, scope, ref, limit_tokens: tokens, limit_nano: nano, updated_by: 'ada' })
    .execute();
}

/** Of the only budget of a scope: tokens and money that are spent, then those that are reserved. */
export async function stateOf({ db }: Database, scope = 'tenant', tenantId = 'default'): Promise<number[]> {
  const budget = await db
    .selectFrom('budgets')
    .selectAll()
    .where('scope', '=', scope)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow();
  return [budget.spent_tokens, budget.spent_nano, budget.reserved_tokens, budget.reserved_nano];
}

// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON an answer has
type Answer = { status: number; body: any };
type Send = (method: string, to: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

/** The routes of usage in an application of their own, for operators, with the agents scout and bob. */
export function openUsage(database: Database, raised: (of: string) => void = () => undefined): Send {
  const app = createApp({
    service: 'test',
    authenticate: async (header) => ({
      tenantId: header('x-tenant-id') ?? 'default',
      userId: 'ada',
      role: header('x-role') === 'viewer' ? 'viewer' : 'operator',
      via: 'development',
    }),
    db: database.db,
    log: silentLog,
    stopping: new AbortController().signal,
  });
  mountUsage(app, database, {
    raised: async (...of) => raised(of.join(' ')),
    nameAgent: async (_, __, ref) => ref?.toLowerCase(),
    checkAgent: async (_, __, ref) => {
      if (/^(scout|bob)$/i.test(ref)) return ref.toLowerCase();
      throw invalidField('ref', 'is not an agent');
    },
  });
  return async (method, to, body, headers = {}) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const request = new Request(`http://x/api/v1${to}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...init,
    });
    const response = await app.fetch(request);
    return { status: response.status, body: await response.json() };
  };
}
