import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { agentsQuery } from '../../api/agents.ts';
import { AgentIcon } from '../../ui/icons.ts';

interface AgentPickerProps {
  /** Slug or id. */
  readonly value: string;
  readonly onChange: (slug: string) => void;
}

/** Which agent answers. Where the list can't be read, the one in use still shows. */
export function AgentPicker({ value, onChange }: AgentPickerProps) {
  const agents = useQuery(agentsQuery);
  const known = agents.data ?? [];
  const chosen = known.find((agent) => agent.slug === value || agent.id === value)?.slug ?? value;
  const options = known.map((agent) => ({ value: agent.slug, label: agent.name }));
  return (
    <Select
      aria-label="Agent"
      size="xs"
      w={170}
      radius="xl"
      leftSection={<AgentIcon size={15} />}
      allowDeselect={false}
      searchable={options.length > 8}
      data={
        options.some((option) => option.value === chosen) ? options : [...options, { value: chosen, label: chosen }]
      }
      value={chosen}
      onChange={(slug) => slug !== null && onChange(slug)}
      comboboxProps={{ position: 'top-start', width: 240 }}
    />
  );
}
