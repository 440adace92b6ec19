import type { PolicyOrigin } from '@reeve/contract';
import type { Database } from '@reeve/db';
import type { Policies, TenantPolicy } from '@reeve/limits';
import type { StoredBudget } from './budget.ts';
import { nanoOf } from './metering.ts';
import { selectMonths, selectPersonaName, upsertMonths } from './store/monthly-budget.ts';

/** The persona of a call, under the names that a policy may give it; null: none. */
export interface PersonaRef {
  readonly id: string;
  /** Its slug; undefined where the persona is not known. */
  readonly name?: string | undefined;
}

/** A limit of a month, and which value of the policy it is. */
export interface MonthlyLimit<Amount> {
  readonly limit: Amount;
  /** Its path: `budgets.qa_bot`. */
  readonly path: string;
  readonly origin: PolicyOrigin;
}

/** What a persona may use in a calendar month in UTC; null: without limit. */
export interface MonthlyLimits {
  readonly tokens: MonthlyLimit<number> | null;
  readonly nano: MonthlyLimit<number> | null;
}

/** The monthly limits of a persona: by its id, else by its name, else those of `default`, which also has the calls of no persona. */
export function monthlyLimitsOf(policy: TenantPolicy, persona: PersonaRef | null): MonthlyLimits {
  return {
    tokens: limitOf(policy, 'budgets', persona, (value) => Number(value)),
    nano: limitOf(policy, 'budgets_usd', persona, (value) => nanoOf(String(value))),
  };
}

function limitOf(
  { settings, origins }: TenantPolicy,
  field: 'budgets' | 'budgets_usd',
  persona: PersonaRef | null,
  amountOf: (value: number | string) => number,
): MonthlyLimit<number> | null {
  const budgets: Readonly<Record<string, number | string>> = settings[field];
  const names = [persona?.id, persona?.name, 'default'];
  const name = names.find((known) => known !== undefined && Object.hasOwn(budgets, known));
  if (name === undefined) return null;
  const limit = amountOf(budgets[name]!);
  return limit === 0 ? null : { limit, path: `${field}.${name}`, origin: origins[`${field}.${name}`]! };
}

/** What is left under the budget that has the least left, and which that is; null where none is limited. */
export interface Binding {
  readonly left: number;
  readonly limit: number;
  readonly scope: StoredBudget['scope'];
  readonly ref: string;
}

/** Of all budgets that count the same call: which one binds in tokens, and which in money. Of equals the first. */
export function bindingBudgets(budgets: readonly StoredBudget[]): { tokens: Binding | null; nano: Binding | null } {
  return {
    tokens: tightest(budgets, (budget) => [budget.limitTokens, budget.spentTokens + budget.reservedTokens]),
    nano: tightest(budgets, (budget) => [budget.limitNano, budget.spentNano + budget.reservedNano]),
  };
}

function tightest(
  budgets: readonly StoredBudget[],
  amountsOf: (budget: StoredBudget) => [limit: number | null, taken: number],
): Binding | null {
  let found: Binding | null = null;
  for (const budget of budgets) {
    const [limit, taken] = amountsOf(budget);
    if (limit === null) continue;
    const left = Math.max(0, limit - taken);
    if (found === null || left < found.left) found = { left, limit, scope: budget.scope, ref: budget.ref };
  }
  return found;
}

/** Budgets of the month as rows of `budgets`, made and changed by what the policy says. */
export interface MonthlyBudgets {
  /**
   * Makes sure that the budgets of this month, and of the next one before it comes, are there with the policy's limits. Call it before
   * each call of a model is booked: it asks the database once an hour and where the policy has changed. Throws where
   * that fails, so that no call goes uncounted.
   */
  ensure(tenantId: string, personaId: string | null): Promise<void>;
}

/** Gives the budgets of this month the limits that the policies say now; answers the tenants whose budgets have changed. */
export async function followPolicies(database: Database, policies: Pick<Policies, 'of'>): Promise<string[]> {
  const changed = new Set<string>();
  for (const { tenantId, persona, name, limitTokens, limitNano } of await selectMonths(database.db)) {
    const ref = persona === 'default' ? null : { id: persona, name };
    const { tokens, nano } = monthlyLimitsOf(await policies.of(tenantId), ref);
    if ((tokens?.limit ?? null) === limitTokens && (nano?.limit ?? null) === limitNano) continue;
    await writeMonths(database, tenantId, persona, { tokens, nano });
    changed.add(tenantId);
  }
  return [...changed];
}

function writeMonths(
  database: Database,
  tenantId: string,
  persona: string,
  { tokens, nano }: MonthlyLimits,
): Promise<void> {
  return upsertMonths(database.db, tenantId, persona, {
    limitTokens: tokens?.limit ?? null,
    limitNano: nano?.limit ?? null,
    updatedBy: `policy:${tokens?.origin ?? nano?.origin ?? 'default'}`,
  });
}

/** How long the slug of a persona is believed: a change of it counts from then on. */
const NAME_MS = 10_000;

/** The slugs of personas by id, read every few seconds at the most. */
function createPersonaNames(database: Database) {
  const known = new Map<string, { readonly until: number; readonly name: Promise<string | undefined> }>();
  return {
    of(tenantId: string, personaId: string): Promise<string | undefined> {
      const before = known.get(personaId);
      if (before !== undefined && performance.now() < before.until) return before.name;
      const name = selectPersonaName(database.db, tenantId, personaId);
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(personaId, { until: performance.now() + NAME_MS, name });
      name.catch(() => known.delete(personaId));
      return name;
    },
  };
}

const KNOWN_MS = 60 * 60_000;
const MOST_KNOWN = 10_000;

/** Keeps the budgets of months in step with the policies. */
export function createMonthlyBudgets(database: Database, policies: Pick<Policies, 'of'>): MonthlyBudgets {
  const known = new Map<string, { readonly limits: string; readonly until: number; readonly made: Promise<void> }>();
  const names = createPersonaNames(database);
  return {
    async ensure(tenantId, personaId) {
      const persona = personaId === null ? null : { id: personaId, name: await names.of(tenantId, personaId) };
      const { tokens, nano } = monthlyLimitsOf(await policies.of(tenantId), persona);
      const name = `${tenantId} ${personaId ?? ''}`;
      const limits = `${tokens?.limit} ${nano?.limit}`;
      const before = known.get(name);
      if (before?.limits === limits && performance.now() < before.until) return before.made;
      // Without a limit there is nothing to make, and what another limit had made is only loosened.
      const made = writeMonths(database, tenantId, personaId ?? 'default', { tokens, nano });
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(name, { limits, until: performance.now() + KNOWN_MS, made });
      made.catch(() => known.delete(name));
      return made;
    },
  };
}
