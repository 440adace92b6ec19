import type { BudgetScope } from '@reeve/contract';
import type { StoredBudget } from '../budget.ts';

/** A budget's row without what tells of its changes. */
export interface BudgetRow {
  readonly scope: string;
  readonly ref: string;
  readonly limit_tokens: number | null;
  readonly spent_tokens: number;
  readonly reserved_tokens: number;
  readonly limit_nano: number | null;
  readonly spent_nano: number;
  readonly reserved_nano: number;
}

export function budgetOf(row: BudgetRow): StoredBudget {
  return {
    scope: row.scope as BudgetScope,
    ref: row.ref,
    limitTokens: row.limit_tokens,
    spentTokens: row.spent_tokens,
    reservedTokens: row.reserved_tokens,
    limitNano: row.limit_nano,
    spentNano: row.spent_nano,
    reservedNano: row.reserved_nano,
  };
}
