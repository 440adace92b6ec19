import { Button, Group, Modal, Textarea } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { forkRun } from '../../api/runs.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import type { ForkMessage } from './fork-rule.ts';
import classes from './step-list.module.css';

interface ForkDialogProps {
  readonly runId: string;
  /** The first step that is made anew. */
  readonly from: number;
  readonly message: ForkMessage;
  /** The model call that made the tool call of this step. */
  readonly caller: number | undefined;
  readonly onClose: () => void;
}

/** Begins a run that goes on from a step of this one, and leads there. */
export function ForkDialog({ runId, from, message, caller, onClose }: ForkDialogProps) {
  const [text, setText] = useState('');
  const [missing, setMissing] = useState(false);
  const cache = useQueryClient();
  const navigate = useNavigate();
  const fork = useMutation({
    mutationFn: () => forkRun(runId, from, text.trim() === '' ? undefined : text),
    onSuccess: async (run) => {
      void cache.invalidateQueries({ queryKey: ['runs', 'list'] });
      onClose();
      await navigate({ to: '/runs/$runId', params: { runId: run.id } });
    },
  });
  const send = (): void => {
    const needed = message === 'required' && text.trim() === '';
    setMissing(needed);
    if (!needed && !fork.isPending) fork.mutate();
  };
  const details = fork.error instanceof ClientError ? fork.error.details : [];
  const { byField, others } = placeFaults(['message'], details);
  const placed = details.length > 0 && others.length === 0 && message !== 'none';
  return (
    <Modal
      opened
      onClose={onClose}
      title={message === 'required' ? 'Fork after the answer' : `Fork from step ${from}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <DialogForm onSend={send}>
        <p className={classes.question}>{questionOf(from, message)}</p>
        {message === 'none' ? (
          <p className={classes.question}>
            Nothing can be said here, between a call and its result.
            {caller !== undefined && ` To say something instead, fork from step ${caller}, which made the call.`}
          </p>
        ) : (
          <Textarea
            label={from === 1 ? 'Say something else' : 'Say something'}
            description={from === 1 ? 'In place of the first message; empty for the same one.' : TOLD[message]}
            data-autofocus
            autosize
            minRows={3}
            maxRows={12}
            required={message === 'required'}
            value={text}
            error={missing ? 'is needed: nothing follows from an answer by itself' : byField.message}
            onChange={(event) => {
              setMissing(false);
              setText(event.currentTarget.value);
            }}
          />
        )}
        {fork.isError && !placed && <ErrorPanel title="The run was not forked" error={fork.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
          <Button type="submit" loading={fork.isPending} {...(message === 'none' && { 'data-autofocus': true })}>
            Fork the run
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}

const TOLD = {
  optional: 'Told to the agent before it goes on; may be left empty.',
  required: 'What the agent is told next.',
} as const;

function questionOf(from: number, message: ForkMessage): string {
  const shared =
    from === 1
      ? 'A new run does everything anew'
      : `A new run shares ${from === 2 ? 'step 1' : `steps 1 to ${from - 1}`} with this one and goes on from there`;
  const anew = message === 'none' ? ', beginning with this tool call' : '';
  return `${shared}${anew}, in a session of its own. This run stays as it is.`;
}
