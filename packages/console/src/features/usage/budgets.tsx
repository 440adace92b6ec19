import { ActionIcon, Button, Group, Modal } from '@mantine/core';
import type { Budget } from '@reeve/contract';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { budgetsQuery, putBudget } from '../../api/usage.ts';
import { Ago } from '../../ui/ago.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCost, formatCount, shortId } from '../../ui/format.ts';
import { DeleteIcon, EditIcon, PlusIcon } from '../../ui/icons.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { ShowMore } from '../../ui/show-more.tsx';
import { BudgetBar } from './budget-bar.tsx';
import { clearanceOf } from './budget-draft.ts';
import { BudgetForm } from './budget-form.tsx';
import classes from './budgets.module.css';
import page from './usage-page.module.css';

/** What may be spent, how much of it is, and the ways to change that. */
export function Budgets() {
  const query = useInfiniteQuery(budgetsQuery);
  const budgets = query.data?.pages.flatMap((each) => each.budgets) ?? [];
  const [setting, setSetting] = useState<{ readonly budget: Budget | undefined }>();
  const [clearing, setClearing] = useState<Budget>();
  return (
    <section aria-labelledby="budgets" className={page.section}>
      <div className={page.head}>
        <h2 id="budgets">Budgets</h2>
        <Button size="xs" leftSection={<PlusIcon size={15} />} onClick={() => setSetting({ budget: undefined })}>
          Set a budget
        </Button>
      </div>
      {query.isPending && <SkeletonRows rows={2} height={56} label="Loading the budgets" />}
      {query.isError && (
        <ErrorPanel title="The budgets could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      )}
      {query.data !== undefined && budgets.length === 0 && (
        <p className={classes.none}>Nothing is limited. A run whose budget has no room waits until there is some.</p>
      )}
      {budgets.length > 0 && (
        <ul className={classes.list}>
          {budgets.map((budget) => (
            <Row
              key={`${budget.scope} ${budget.ref}`}
              budget={budget}
              onChange={() => setSetting({ budget })}
              onClear={() => setClearing(budget)}
            />
          ))}
        </ul>
      )}
      <ShowMore query={query} size="xs" mt="sm">
        Show more budgets
      </ShowMore>
      {setting !== undefined && <BudgetForm {...setting} onClose={() => setSetting(undefined)} />}
      {clearing !== undefined && <ClearDialog budget={clearing} onClose={() => setClearing(undefined)} />}
    </section>
  );
}

interface RowProps {
  readonly budget: Budget;
  readonly onChange: () => void;
  readonly onClear: () => void;
}

function Row({ budget, onChange, onClear }: RowProps) {
  const name = nameOf(budget);
  return (
    <li aria-label={name}>
      <div className={classes.for}>
        {linkOf(budget) ?? name}
        <small>
          set <Ago time={budget.updated_at} /> by {budget.updated_by}
        </small>
      </div>
      <div className={classes.limits}>
        {budget.limit_usd !== null && (
          <BudgetBar
            label={`${name}: US dollars`}
            limit={Number(budget.limit_usd)}
            spent={Number(budget.spent_usd)}
            reserved={Number(budget.reserved_usd)}
            say={(amount) => formatCost(String(amount))}
          />
        )}
        {budget.limit_tokens !== null && (
          <BudgetBar
            label={`${name}: tokens`}
            limit={budget.limit_tokens}
            spent={budget.spent_tokens}
            reserved={budget.reserved_tokens}
            say={(amount) => `${formatCount(amount)} tokens`}
          />
        )}
      </div>
      <div className={classes.actions}>
        <ActionIcon variant="default" aria-label={`Change ${name}`} title="Change" onClick={onChange}>
          <EditIcon size={15} />
        </ActionIcon>
        <ActionIcon variant="default" aria-label={`Clear ${name}`} title="Clear" onClick={onClear}>
          <DeleteIcon size={15} />
        </ActionIcon>
      </div>
    </li>
  );
}

/** Asks before a budget's limits are taken away. */
function ClearDialog({ budget, onClose }: { readonly budget: Budget; readonly onClose: () => void }) {
  const cache = useQueryClient();
  const clear = useMutation({
    mutationFn: () => putBudget(clearanceOf(budget)),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: ['usage', 'budgets'] });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title="Clear the budget" closeButtonProps={{ 'aria-label': 'Close' }}>
      <p className={classes.question}>
        Nothing limits “{nameOf(budget)}” then but the wider budgets, and runs that wait for this one go on.
      </p>
      {clear.isError && <ErrorPanel title="The budget was not cleared" error={clear.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          Keep it
        </Button>
        <Button color="rust" loading={clear.isPending} onClick={() => clear.mutate()}>
          Clear budget
        </Button>
      </Group>
    </Modal>
  );
}

function nameOf({ scope, ref }: Budget): string {
  if (scope === 'tenant') return 'Everything';
  return `${scope.slice(0, 1).toUpperCase()}${scope.slice(1)} ${scope === 'agent' ? ref : shortId(ref)}`;
}

function linkOf(budget: Budget): ReactNode {
  return budget.scope === 'run' ? (
    <Link to="/runs/$runId" params={{ runId: budget.ref }}>
      {nameOf(budget)}
    </Link>
  ) : undefined;
}
