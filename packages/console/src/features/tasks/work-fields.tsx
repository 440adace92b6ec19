import { Select, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { agentsQuery } from '../../api/agents.ts';
import classes from '../../ui/form.module.css';

/** What is to be done, and by whom. */
interface Work {
  readonly title: string;
  /** A slug. */
  readonly agent: string;
  readonly type: string;
}

interface WorkFieldsProps {
  readonly draft: Work;
  /** The server's findings. */
  readonly faults: Partial<Record<'title' | 'agent_id' | 'task_type', string>>;
  readonly onChange: (part: Partial<Work>) => void;
}

/** The fields that every form about work begins with. */
export function WorkFields({ draft, faults, onChange }: WorkFieldsProps) {
  const agents = useQuery(agentsQuery);
  const options = (agents.data ?? []).map((agent) => ({ value: agent.slug, label: agent.name }));
  return (
    <>
      <TextInput
        label="Title"
        required
        data-autofocus
        value={draft.title}
        error={faults.title}
        onChange={(event) => onChange({ title: event.currentTarget.value })}
      />
      <div className={classes.pair}>
        <Select
          label="Agent"
          required
          searchable
          allowDeselect={false}
          error={faults.agent_id}
          value={draft.agent}
          onChange={(agent) => agent !== null && onChange({ agent })}
          data={
            options.some((option) => option.value === draft.agent)
              ? options
              : [{ value: draft.agent, label: draft.agent }, ...options]
          }
        />
        <TextInput
          label="Type"
          required
          value={draft.type}
          error={faults.task_type}
          onChange={(event) => onChange({ type: event.currentTarget.value })}
        />
      </div>
    </>
  );
}
