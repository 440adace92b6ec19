import type { NameAgent } from '@reeve/audit';
import { routes, type BudgetInput, type BudgetScope } from '@reeve/contract';
import { inTenant, now, type Database, type Db, type Tx } from '@reeve/db';
import type { App } from '@reeve/http';
import { invalidField, ReeveError } from '@reeve/kit';
import { sql } from 'kysely';
import { changeBudget, type LimitsChange } from './budget-change.ts';
import { nanoOf } from './metering.ts';
import { listBudgets, selectRootRun, type BudgetKey } from './store/budget.ts';
import { listCalls, listUsageGroups, selectTotals, type Range } from './store/usage.ts';

export interface UsageParts {
  /** Called after the commit of a change that may have given a budget more room: lets the runs go on that wait for it. */
  readonly raised: (tenantId: string, scope: BudgetScope, ref: string) => Promise<void>;
  readonly nameAgent: NameAgent;
  /** The slug of an agent that is there; throws `unknown_agent`. */
  readonly checkAgent: (tx: Tx, tenantId: string, agent: string) => Promise<string>;
}

const DEFAULT_RANGE_MS = 30 * 86_400_000;

/** Mounts the routes of usage, of the ledger of model calls, and of budgets. */
export function mountUsage(app: App, database: Database, parts: UsageParts): void {
  app.mount(routes.getUsage, ({ principal: { tenantId }, query }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const { limit, offset, group_by } = query;
      const range = await rangeOf(tx, query.from, query.to);
      const totals = await selectTotals(tx, tenantId, range);
      const page =
        group_by === 'none'
          ? { groups: [], total: 0 }
          : await listUsageGroups(tx, tenantId, range, group_by, { limit, offset });
      const shown = { from: range.from.toISOString(), to: range.to.toISOString() };
      return { ...shown, group_by, totals, ...page, limit, offset };
    }),
  );

  app.mount(routes.listModelCalls, ({ principal: { tenantId }, query }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const { limit, offset, run_id, agent_id, model, outcome } = query;
      const filter = { runId: run_id, agentId: await parts.nameAgent(tx, tenantId, agent_id), model, outcome };
      return { ...(await listCalls(tx, tenantId, filter, { limit, offset })), limit, offset };
    }),
  );

  app.mount(routes.listBudgets, ({ principal: { tenantId }, query: { limit, offset, scope } }) =>
    inTenant(database.db, tenantId, async (tx) => ({
      ...(await listBudgets(tx, tenantId, scope, { limit, offset })),
      limit,
      offset,
    })),
  );

  app.mount(routes.putBudget, async ({ principal: { tenantId, userId }, context: { traceId }, body }) => {
    const change = changeOf(body);
    const keyOf = (tx: Tx) => budgetKeyOf(tx, tenantId, body, parts);
    const { budget, raised } = await changeBudget(database, { tenantId, userId, traceId }, keyOf, change);
    if (raised) await parts.raised(tenantId, budget.scope, budget.ref);
    return budget;
  });
}

/** The range that is asked for; throws `invalid_request` where it ends before it begins. */
async function rangeOf(db: Db, from: string | undefined, to: string | undefined): Promise<Range> {
  const end = to === undefined ? await readNow(db) : new Date(to);
  const begin = from === undefined ? new Date(end.getTime() - DEFAULT_RANGE_MS) : new Date(from);
  if (begin >= end) throw invalidField('from', `must be before ${to === undefined ? 'now' : 'to'}`);
  return { from: begin, to: end };
}

async function readNow(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select ${now} as now`.execute(db);
  return rows[0]!.now;
}

function changeOf({ limit_tokens, limit_usd }: BudgetInput): LimitsChange {
  return { limitTokens: limit_tokens, limitNano: limit_usd == null ? limit_usd : nanoOf(limit_usd) };
}

/** Which budget is meant: an agent's by its slug, a run's by the root of its tree. What takes limits away may name what is gone. */
async function budgetKeyOf(
  tx: Tx,
  tenantId: string,
  { scope, ref, limit_tokens, limit_usd }: BudgetInput,
  { nameAgent, checkAgent }: UsageParts,
): Promise<BudgetKey> {
  if (scope === 'tenant' || ref == null) return { tenantId, scope, ref: '' };
  const sets = limit_tokens != null || limit_usd != null;
  if (scope === 'agent')
    return {
      tenantId,
      scope,
      ref: sets ? await checkAgent(tx, tenantId, ref) : ((await nameAgent(tx, tenantId, ref)) ?? ref),
    };
  const id = ref.toLowerCase();
  if (scope === 'persona') return { tenantId, scope, ref: id };
  const root = await selectRootRun(tx, tenantId, id);
  if (root === undefined && sets) throw new ReeveError('not_found', `there is no run ${id}`);
  return { tenantId, scope, ref: root ?? id };
}
