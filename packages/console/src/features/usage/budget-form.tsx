import { Button, Group, Modal, Select, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { agentsQuery } from '../../api/agents.ts';
import { putBudget } from '../../api/usage.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import classes from '../../ui/form.module.css';
import { BUDGET_FIELDS, changeOf, draftOf, SCOPES, type BudgetDraft, type SettableBudget } from './budget-draft.ts';

interface BudgetFormProps {
  /** The budget to change; undefined for a new one. */
  readonly budget: SettableBudget | undefined;
  readonly onClose: () => void;
}

/** Sets what may be spent: in all, by an agent, by a run. */
export function BudgetForm({ budget, onClose }: BudgetFormProps) {
  const [draft, setDraft] = useState(draftOf(budget));
  const [fault, setFault] = useState<{ readonly usd?: string; readonly tokens?: string }>({});
  const cache = useQueryClient();
  const put = useMutation({
    mutationFn: putBudget,
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: ['usage', 'budgets'] });
      onClose();
    },
  });
  const change = (part: Partial<BudgetDraft>): void => {
    setFault({});
    setDraft({ ...draft, ...part });
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const read = changeOf(draft, budget !== undefined);
    setFault('fault' in read ? read.fault : {});
    if ('change' in read) put.mutate(read.change);
  };
  const details = put.error instanceof ClientError ? put.error.details : [];
  const { byField, others } = placeFaults(BUDGET_FIELDS, details);
  const placed = details.length > 0 && others.length === 0;
  return (
    <Modal
      opened
      onClose={onClose}
      title={budget === undefined ? 'Set a budget' : 'Change the budget'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form className={classes.form} noValidate onSubmit={submit}>
        <Select
          label="What it is for"
          allowDeselect={false}
          disabled={budget !== undefined}
          data={SCOPES}
          value={draft.scope}
          error={byField.scope}
          onChange={(scope) => scope !== null && change({ scope, ref: '' })}
        />
        {draft.scope !== 'tenant' && (
          <RefField
            draft={draft}
            fixed={budget !== undefined}
            error={byField.ref ?? byField.agent_id}
            onChange={change}
          />
        )}
        <div className={classes.pair}>
          <TextInput
            label="US dollars"
            description="Such as 25 or 0.50"
            inputMode="decimal"
            data-autofocus
            value={draft.usd}
            error={fault.usd ?? byField.limit_usd}
            onChange={(event) => change({ usd: event.currentTarget.value })}
          />
          <TextInput
            label="Tokens"
            description="In and out together"
            inputMode="numeric"
            value={draft.tokens}
            error={fault.tokens ?? byField.limit_tokens}
            onChange={(event) => change({ tokens: event.currentTarget.value })}
          />
        </div>
        {put.isError && !placed && <ErrorPanel title="The budget was not set" error={put.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={put.isPending}>
            {budget === undefined ? 'Set budget' : 'Save budget'}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

interface RefFieldProps {
  readonly draft: BudgetDraft;
  readonly fixed: boolean;
  readonly error: string | undefined;
  readonly onChange: (part: Partial<BudgetDraft>) => void;
}

/** Whose budget it is. */
function RefField({ draft: { scope, ref }, fixed, error, onChange }: RefFieldProps) {
  const agents = useQuery({ ...agentsQuery, enabled: scope === 'agent' });
  if (scope === 'agent' && !fixed)
    return (
      <Select
        label="Agent"
        required
        searchable
        data={(agents.data ?? []).map((agent) => ({ value: agent.slug, label: agent.name }))}
        value={ref === '' ? null : ref}
        error={error}
        onChange={(slug) => onChange({ ref: slug ?? '' })}
      />
    );
  return (
    <TextInput
      label={scope === 'agent' ? 'Agent' : `Id of the ${scope}`}
      required
      disabled={fixed}
      value={ref}
      error={error}
      onChange={(event) => onChange({ ref: event.currentTarget.value })}
    />
  );
}
