import { Button, Group, Modal, NumberInput, Textarea, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import type { Task } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { createTask } from '../../api/tasks.ts';
import { Check } from '../../ui/check.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import classes from '../../ui/form.module.css';
import { JsonInput } from '../../ui/json-input.tsx';
import type { JsonFault } from '../../ui/json-object.ts';
import { EMPTY_DRAFT, requestOf, TASK_FIELDS, type TaskDraft } from './task-draft.ts';
import { WorkFields } from './work-fields.tsx';

interface TaskFormProps {
  readonly onClose: () => void;
  readonly onCreated: (task: Task) => void;
}

/** Puts a task into the queue. The server judges the fields; its findings show beside them. */
export function TaskForm({ onClose, onCreated }: TaskFormProps) {
  return (
    <Modal opened onClose={onClose} title="New task" size="lg" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Fields onClose={onClose} onCreated={onCreated} />
    </Modal>
  );
}

function Fields({ onClose, onCreated }: TaskFormProps) {
  const [draft, setDraft] = useState(EMPTY_DRAFT);
  const [fault, setFault] = useState<JsonFault | null>(null);
  const cache = useQueryClient();
  const create = useMutation({
    mutationFn: createTask,
    onSuccess: (task) => {
      void cache.invalidateQueries({ queryKey: ['tasks', 'stats'] });
      onCreated(task);
    },
  });
  const change = (part: Partial<TaskDraft>): void => setDraft({ ...draft, ...part });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const request = requestOf(draft);
    setFault('fault' in request ? request.fault : null);
    if ('task' in request) create.mutate(request.task);
  };
  const details = create.error instanceof ClientError ? create.error.details : [];
  const { byField, others } = placeFaults(TASK_FIELDS, details);
  const placed = details.length > 0 && others.length === 0;
  return (
    <form onSubmit={submit} className={classes.form} noValidate>
      <WorkFields draft={draft} faults={byField} onChange={change} />
      <Textarea
        label="Description"
        autosize
        minRows={2}
        maxRows={8}
        value={draft.description}
        error={byField.description}
        onChange={(event) => change({ description: event.currentTarget.value })}
      />
      <JsonInput
        label="Payload"
        description="A JSON object, handed to the agent as it is"
        value={draft.payload}
        fault={fault}
        error={byField.payload}
        onChange={(payload) => {
          setFault(null);
          change({ payload });
        }}
      />
      <div className={classes.pair}>
        <NumberInput
          label="Priority"
          description="−100 to 100, higher first"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          allowDecimal={false}
          value={draft.priority}
          error={byField.priority}
          onChange={(value) => change({ priority: Number(value) || 0 })}
        />
        <NumberInput
          label="Attempts"
          description="1 to 20, with the first"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          allowDecimal={false}
          value={draft.attempts}
          error={byField.max_attempts}
          onChange={(value) => change({ attempts: Number(value) || 0 })}
        />
        <TextInput
          label="Run at"
          type="datetime-local"
          description="Not before; empty for at once"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={draft.runAt}
          error={byField.run_at}
          onChange={(event) => change({ runAt: event.currentTarget.value })}
        />
      </div>
      <div className={classes.pair}>
        <TextInput
          label="Depends on"
          description="Ids of tasks that must be completed first"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={draft.dependsOn}
          error={byField.depends_on}
          onChange={(event) => change({ dependsOn: event.currentTarget.value })}
        />
        <TextInput
          label="Concurrency key"
          description="One task of a key runs at a time"
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={draft.concurrencyKey}
          error={byField.concurrency_key}
          onChange={(event) => change({ concurrencyKey: event.currentTarget.value })}
        />
      </div>
      <Check
        label="Wait for a person’s approval first"
        checked={draft.requiresApproval}
        onChange={(requiresApproval) => change({ requiresApproval })}
      />
      {create.isError && !placed && <ErrorPanel title="The task was not created" error={create.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={create.isPending}>
          Create task
        </Button>
      </Group>
    </form>
  );
}
