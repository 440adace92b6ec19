import { ReeveError } from '@reeve/kit';
import { type Policies, mayUseModel } from '@reeve/limits';
import type { CallLedger, CallOwner } from './metering.ts';
import type { MonthlyBudgets } from './monthly-budgets.ts';

/**
 * The same ledger under the policy of the calls' tenant: a model that the tenant may not use is `policy_denied`, before anything
 * is written or sent, and the month's budgets are there before a call is counted against them.
 */
export function underPolicy(
  ledger: CallLedger,
  { tenantId, personaId }: Pick<CallOwner, 'tenantId' | 'personaId'>,
  policies: Pick<Policies, 'of'>,
  months: MonthlyBudgets,
): CallLedger {
  const check: NonNullable<CallLedger['check']> = async ({ provider, model: name }) => {
    const model = `${provider}/${name}`;
    if (!mayUseModel(await policies.of(tenantId), model))
      throw new ReeveError(
        'policy_denied',
        `this tenant may not use the model ${model}; its policy (routing) says which it may`,
      );
  };
  return {
    check,
    async begin(attempt) {
      await check(attempt);
      await months.ensure(tenantId, personaId);
      return ledger.begin(attempt);
    },
  };
}
