import { Select } from '@mantine/core';
import type { Budget } from '@reeve/contract';
import { useQuery } from '@tanstack/react-query';
import { agentsQuery } from '../../api/agents.ts';
import { formatCost, formatCount, shortId } from '../../ui/format.ts';
import { AgentIcon } from '../../ui/icons.ts';
import { budgetName, personasIn, type Binding, type Currency } from './binding.ts';
import { BudgetBar } from './budget-bar.tsx';
import classes from './budgets.module.css';
import type { UsagePageProps } from './view.ts';

interface EffectiveLimitProps extends UsagePageProps {
  readonly budgets: readonly Budget[];
  readonly bindings: Readonly<Record<Currency, Binding | undefined>>;
}

const SAY: Readonly<Record<Currency, (amount: number) => string>> = {
  tokens: (amount) => `${formatCount(amount)} tokens`,
  usd: (amount) => formatCost(String(amount)),
};

/** What calls of somebody may still use, and which of the budgets that count them binds. */
export function EffectiveLimit({ budgets, bindings, search, onSearch }: EffectiveLimitProps) {
  const agents = useQuery(agentsQuery);
  const personas = personasIn(budgets);
  const runs = budgets.filter(({ scope }) => scope === 'run').map(({ ref }) => ref);
  const { who, persona, tree } = search;
  const known = (agents.data ?? []).map((agent) => ({ value: agent.slug, label: agent.name }));
  return (
    <div className={classes.binding} role="group" aria-label="What may still be used">
      <div className={classes.whose}>
        <Select
          label="Calls of"
          size="xs"
          clearable
          searchable
          placeholder="no agent in particular"
          leftSection={<AgentIcon size={15} />}
          clearButtonProps={{ 'aria-label': 'No agent in particular' }}
          data={withChosen(known, who)}
          value={who ?? null}
          onChange={(slug) => onSearch({ who: slug ?? undefined })}
        />
        {personas.length > 0 && (
          <Select
            label="As persona"
            size="xs"
            clearable
            placeholder="none"
            clearButtonProps={{ 'aria-label': 'No persona' }}
            data={withChosen(options(personas), persona)}
            value={persona ?? null}
            onChange={(id) => onSearch({ persona: id ?? undefined })}
          />
        )}
        {runs.length > 0 && (
          <Select
            label="In the run"
            size="xs"
            clearable
            placeholder="any without a budget"
            clearButtonProps={{ 'aria-label': 'Any run' }}
            data={withChosen(options(runs), tree)}
            value={tree ?? null}
            onChange={(id) => onSearch({ tree: id ?? undefined })}
          />
        )}
      </div>
      <dl className={classes.verdicts}>
        <Verdict name="Tokens" currency="tokens" binding={bindings.tokens} />
        <Verdict name="US dollars" currency="usd" binding={bindings.usd} />
      </dl>
    </div>
  );
}

interface VerdictProps {
  readonly name: string;
  readonly currency: Currency;
  readonly binding: Binding | undefined;
}

function Verdict({ name, currency, binding }: VerdictProps) {
  const say = SAY[currency];
  if (binding === undefined)
    return (
      <div>
        <dt>{name}</dt>
        <dd className={classes.figure}>no limit</dd>
      </div>
    );
  const { budget, limit, left } = binding;
  return (
    <div>
      <dt>{name}</dt>
      <dd className={classes.figure}>{left === 0 ? 'nothing left' : `${say(left)} left`}</dd>
      <dd className={classes.by}>
        Bound by “{budgetName(budget, shortId)}”: {say(limit)}
        {budget.scope === 'month' && ' a month'}
      </dd>
      <dd>
        <BudgetBar
          label={`What binds: ${name}`}
          limit={limit}
          spent={Number(currency === 'tokens' ? budget.spent_tokens : budget.spent_usd)}
          reserved={Number(currency === 'tokens' ? budget.reserved_tokens : budget.reserved_usd)}
          say={say}
        />
      </dd>
    </div>
  );
}

interface Option {
  readonly value: string;
  readonly label: string;
}

function options(ids: readonly string[]): Option[] {
  return ids.map((id) => ({ value: id, label: shortId(id) }));
}

/** What the address names stays to be seen where it is not among the rest. */
function withChosen(known: Option[], chosen: string | undefined): Option[] {
  return chosen === undefined || known.some(({ value }) => value === chosen)
    ? known
    : [...known, { value: chosen, label: chosen }];
}
