import { Autocomplete, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { agentsQuery } from '../../api/agents.ts';
import { AgentIcon } from '../../ui/icons.ts';
import { useValueOf } from '../../ui/use-value-of.ts';
import classes from './call-ledger.module.css';
import type { UsagePageProps } from './view.ts';

const OUTCOMES = ['ok', 'cancelled', 'abandoned', 'crashed'];

/** What the ledger is narrowed down by. Each change begins at the newest call again. */
export function CallFilters({ search: { agent, model, outcome, run }, onSearch }: UsagePageProps) {
  const agents = useQuery(agentsQuery);
  const options = (agents.data ?? []).map((known) => ({ value: known.slug, label: known.name }));
  const later = useDebouncedCallback(
    (change: UsagePageProps['search']) => onSearch({ ...change, offset: undefined }, true),
    250,
  );
  return (
    <div className={classes.filters}>
      <Select
        aria-label="Agent"
        placeholder="Any agent"
        size="xs"
        clearable
        searchable
        leftSection={<AgentIcon size={15} />}
        clearButtonProps={{ 'aria-label': 'Any agent' }}
        data={
          agent === undefined || options.some(({ value }) => value === agent)
            ? options
            : [...options, { value: agent, label: agent }]
        }
        value={agent ?? null}
        onChange={(slug) => onSearch({ agent: slug ?? undefined, offset: undefined })}
      />
      <TextInput
        aria-label="Model"
        placeholder="Any model"
        size="xs"
        ref={useValueOf(model)}
        defaultValue={model ?? ''}
        onChange={(event) => later({ model: event.currentTarget.value.trim() || undefined })}
      />
      <Autocomplete
        aria-label="Outcome"
        placeholder="Any outcome"
        size="xs"
        data={OUTCOMES}
        ref={useValueOf(outcome)}
        defaultValue={outcome ?? ''}
        onChange={(text) => later({ outcome: text.trim() || undefined })}
      />
      <TextInput
        aria-label="Run id"
        placeholder="Any run"
        size="xs"
        ref={useValueOf(run)}
        defaultValue={run ?? ''}
        onChange={(event) => later({ run: event.currentTarget.value.trim() || undefined })}
      />
    </div>
  );
}
