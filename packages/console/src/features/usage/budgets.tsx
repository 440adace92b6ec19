import { ActionIcon, Button, Group, Modal } from '@mantine/core';
import { routes, type Budget } from '@reeve/contract';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useEffect, useState, type ReactNode } from 'react';
import { identityQuery, useMay } from '../../api/identity.ts';
import { budgetsQuery, putBudget } from '../../api/usage.ts';
import { Ago } from '../../ui/ago.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { formatCost, formatCount, shortId } from '../../ui/format.ts';
import { DeleteIcon, EditIcon, PlusIcon } from '../../ui/icons.ts';
import { ShowMore } from '../../ui/show-more.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Tag } from '../../ui/tag.tsx';
import { useNow } from '../../ui/use-now.ts';
import { applyingBudgets, bindingOf, budgetName, type Currency } from './binding.ts';
import { BudgetBar } from './budget-bar.tsx';
import { clearanceOf, isSettable, type SettableBudget } from './budget-draft.ts';
import { BudgetForm } from './budget-form.tsx';
import classes from './budgets.module.css';
import { EffectiveLimit } from './effective-limit.tsx';
import type { UsagePageProps } from './view.ts';
import page from './usage-page.module.css';

/** What may be spent, how much of it is, what binds whom, and the ways to change that. */
export function Budgets({ search, onSearch }: UsagePageProps) {
  const query = useInfiniteQuery(budgetsQuery);
  const now = useNow();
  const maySet = useMay(routes.putBudget);
  const budgets = query.data?.pages.flatMap((each) => each.budgets) ?? [];
  const [setting, setSetting] = useState<{ readonly budget: SettableBudget | undefined }>();
  const [clearing, setClearing] = useState<SettableBudget>();
  const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = query;
  // Which budget binds can only be told from all but those of runs, which come last and can be any number.
  const complete = budgets.at(-1)?.scope === 'run';
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isError && !complete) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isError, complete, fetchNextPage]);
  const applying = applyingBudgets(budgets, { agent: search.who, persona: search.persona, run: search.tree }, now);
  const bindings = { tokens: bindingOf(applying, 'tokens'), usd: bindingOf(applying, 'usd') };
  const bindsIn = (budget: Budget): Currency[] =>
    (['tokens', 'usd'] as const).filter((currency) => bindings[currency]?.budget === budget);
  return (
    <section aria-labelledby="budgets" className={page.section}>
      <div className={page.head}>
        <h2 id="budgets">Budgets</h2>
        {maySet && (
          <Button size="xs" leftSection={<PlusIcon size={15} />} onClick={() => setSetting({ budget: undefined })}>
            Set a budget
          </Button>
        )}
      </div>
      {query.isPending && <SkeletonRows rows={2} height={56} label="Loading the budgets" />}
      {query.isError && (
        <ErrorPanel title="The budgets could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      )}
      {query.data !== undefined && budgets.length === 0 && (
        <p className={classes.none}>Nothing is limited. A run whose budget has no room waits until there is some.</p>
      )}
      {budgets.length > 0 && (
        <>
          <EffectiveLimit budgets={budgets} bindings={bindings} search={search} onSearch={onSearch} />
          <ul className={classes.list}>
            {budgets.map((budget) => (
              <Row key={`${budget.scope} ${budget.ref}`} budget={budget} binds={bindsIn(budget)}>
                {isSettable(budget) ? (
                  maySet && (
                    <Changes
                      name={nameOf(budget)}
                      onChange={() => setSetting({ budget })}
                      onClear={() => setClearing(budget)}
                    />
                  )
                ) : (
                  <ToPolicy />
                )}
              </Row>
            ))}
          </ul>
        </>
      )}
      {complete && (
        <ShowMore query={query} size="xs" mt="sm">
          Show more budgets of runs
        </ShowMore>
      )}
      {setting !== undefined && <BudgetForm {...setting} onClose={() => setSetting(undefined)} />}
      {clearing !== undefined && <ClearDialog budget={clearing} onClose={() => setClearing(undefined)} />}
    </section>
  );
}

interface RowProps {
  readonly budget: Budget;
  /** In what it has the least left of all budgets that count the calls in question. */
  readonly binds: readonly Currency[];
  /** What can be done about it. */
  readonly children: ReactNode;
}

function Row({ budget, binds, children }: RowProps) {
  const name = nameOf(budget);
  return (
    <li aria-label={name}>
      <div className={classes.for}>
        {linkOf(budget) ?? name}
        <small>
          {isSettable(budget) ? 'set' : 'kept in step'} <Ago time={budget.updated_at} /> by {budget.updated_by}
        </small>
        {binds.length > 0 && (
          <span className={classes.binds}>
            {binds.map((currency) => (
              <Tag key={currency} tone="set" title="It has the least left of all that count these calls">
                binds in {currency === 'usd' ? 'dollars' : 'tokens'}
              </Tag>
            ))}
          </span>
        )}
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
      <div className={classes.actions}>{children}</div>
    </li>
  );
}

interface ChangesProps {
  readonly name: string;
  readonly onChange: () => void;
  readonly onClear: () => void;
}

function Changes({ name, onChange, onClear }: ChangesProps) {
  return (
    <>
      <ActionIcon variant="default" aria-label={`Change ${name}`} title="Change" onClick={onChange}>
        <EditIcon size={15} />
      </ActionIcon>
      <ActionIcon variant="default" aria-label={`Clear ${name}`} title="Clear" onClick={onClear}>
        <DeleteIcon size={15} />
      </ActionIcon>
    </>
  );
}

/** A month's limit is changed where it comes from. */
function ToPolicy() {
  const tenant = useQuery(identityQuery).data?.tenant;
  const may = useMay(routes.getTenant);
  return may && tenant !== undefined ? (
    <Link to="/admin/tenants/$tenantId" params={{ tenantId: tenant }}>
      by policy
    </Link>
  ) : (
    <span className={classes.by}>by policy</span>
  );
}

/** Asks before a budget's limits are taken away. */
function ClearDialog({ budget, onClose }: { readonly budget: SettableBudget; readonly onClose: () => void }) {
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

const nameOf = (budget: Budget): string => budgetName(budget, shortId);

function linkOf(budget: Budget): ReactNode {
  return budget.scope === 'run' ? (
    <Link to="/runs/$runId" params={{ runId: budget.ref }}>
      {nameOf(budget)}
    </Link>
  ) : undefined;
}
