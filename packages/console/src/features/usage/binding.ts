import type { Budget } from '@reeve/contract';
import { isSettable } from './budget-draft.ts';

/** Whose model calls are meant: of none of these where nothing is named. */
export interface Whose {
  readonly agent?: string | undefined;
  readonly persona?: string | undefined;
  /** The run at the root of its tree. */
  readonly run?: string | undefined;
}

/** What is counted. */
export type Currency = 'tokens' | 'usd';

/** The budget that has the least left of those that count a call. */
export interface Binding {
  readonly budget: Budget;
  readonly limit: number;
  readonly left: number;
}

/** The calls of no persona have this one’s budgets of a month. */
const ANY_PERSONA = 'default';

/** The budgets that count such calls now, `now` being in milliseconds. A month is one in UTC. */
export function applyingBudgets(budgets: readonly Budget[], whose: Whose, now: number): readonly Budget[] {
  const month = `${whose.persona ?? ANY_PERSONA}:${new Date(now).toISOString().slice(0, 7)}`;
  const refs: Readonly<Record<Budget['scope'], string | undefined>> = {
    tenant: '',
    month,
    persona: whose.persona,
    agent: whose.agent,
    run: whose.run,
  };
  return budgets.filter(({ scope, ref }) => ref === refs[scope]);
}

/** Which of some budgets binds: the one with the least left, the widest of equals. Undefined where none has a limit. */
export function bindingOf(applying: readonly Budget[], currency: Currency): Binding | undefined {
  let found: Binding | undefined;
  for (const budget of applying) {
    const limit = currency === 'tokens' ? budget.limit_tokens : budget.limit_usd;
    const left = currency === 'tokens' ? budget.left_tokens : budget.left_usd;
    if (limit === null || left === null) continue;
    if (found === undefined || Number(left) < found.left) found = { budget, limit: Number(limit), left: Number(left) };
  }
  return found;
}

/** Personas that any budget names, and months that they are named with. */
export function personasIn(budgets: readonly Budget[]): string[] {
  const named = budgets.flatMap(({ scope, ref }) =>
    scope === 'persona' ? [ref] : scope === 'month' ? [monthOf(ref).persona] : [],
  );
  return [...new Set(named)].filter((persona) => persona !== ANY_PERSONA).sort();
}

/** What the name of a month's budget says: `qa_bot:2026-11`. */
function monthOf(ref: string): { readonly persona: string; readonly month: string } {
  const at = ref.lastIndexOf(':');
  return { persona: ref.slice(0, at), month: ref.slice(at + 1) };
}

/** What a budget is for, in words; `short` says an identifier. */
export function budgetName(budget: Budget, short: (id: string) => string): string {
  const { scope, ref } = budget;
  if (scope === 'tenant') return 'Everything';
  if (!isSettable(budget)) {
    const { persona, month } = monthOf(ref);
    return persona === ANY_PERSONA ? `Month ${month}` : `Month ${month}, persona ${short(persona)}`;
  }
  return `${scope.slice(0, 1).toUpperCase()}${scope.slice(1)} ${scope === 'agent' ? ref : short(ref)}`;
}
