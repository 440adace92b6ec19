import { SettableScope, type Budget } from '@reeve/contract';
import type { BudgetChange } from '../../api/usage.ts';

/** A budget as it is typed: limits as text, empty for none. */
export interface BudgetDraft {
  readonly scope: SettableScope;
  readonly ref: string;
  readonly usd: string;
  readonly tokens: string;
}

/** The fields of the request that have a place in the form. */
export const BUDGET_FIELDS = ['scope', 'ref', 'limit_usd', 'limit_tokens', 'agent_id'] as const;

/** What budgets can be for, in words. */
const SCOPE_WORDS: Readonly<Record<SettableScope, string>> = {
  tenant: 'Everything',
  persona: 'A persona',
  agent: 'An agent',
  run: 'A run',
};
export const SCOPES = SettableScope.options.map((value) => ({ value, label: SCOPE_WORDS[value] }));

/** A budget that can be changed here. */
export type SettableBudget = Budget & { readonly scope: SettableScope };

/** Whether a budget can be changed here. */
export function isSettable(budget: Budget): budget is SettableBudget {
  return budget.scope !== 'month';
}

/** The draft of a budget that is there, or of a new one. */
export function draftOf(budget: SettableBudget | undefined): BudgetDraft {
  return {
    scope: budget?.scope ?? 'tenant',
    ref: budget?.ref ?? '',
    usd: budget?.limit_usd ?? '',
    tokens: budget?.limit_tokens?.toString() ?? '',
  };
}

type Reading =
  | { readonly change: BudgetChange }
  | { readonly fault: { readonly usd?: string; readonly tokens?: string } };

/**
 * The request that a draft stands for. An empty limit is taken away where the budget is there already, and stays as it is where one
 * might be. What else is wrong with it is the server's to say.
 */
export function changeOf(draft: BudgetDraft, exists: boolean): Reading {
  const usd = draft.usd.trim().replace(/^\$/, '').replaceAll(',', '');
  const digits = draft.tokens.replace(/[\s,_]/g, '');
  if (digits !== '' && !/^\d+$/.test(digits)) return { fault: { tokens: 'must be a whole number' } };
  if (usd === '' && digits === '')
    return { fault: { usd: exists ? 'give a limit, or clear the budget in the list' : 'give at least one limit' } };
  return {
    change: {
      scope: draft.scope,
      ...(draft.scope !== 'tenant' && { ref: draft.ref.trim() }),
      ...(usd !== '' ? { limit_usd: usd } : exists && { limit_usd: null }),
      ...(digits !== '' ? { limit_tokens: Number(digits) } : exists && { limit_tokens: null }),
    },
  };
}

/** The request that takes a budget's limits away. */
export function clearanceOf({ scope, ref }: SettableBudget): BudgetChange {
  return { scope, ...(scope !== 'tenant' && { ref }), limit_usd: null, limit_tokens: null };
}
