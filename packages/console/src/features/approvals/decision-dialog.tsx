import { Button, Group, Modal } from '@mantine/core';
import { ClientError } from '@reeve/client';
import type { Approval, ApprovalKind } from '@reeve/contract';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { EditedInput } from './edited-input.tsx';
import { GivenResult } from './given-result.tsx';
import { Rejection } from './rejection.tsx';
import { isTooLate, useDecide } from './use-decide.ts';
import type { DecisionFieldsProps } from './decision-fields.ts';

/** A decision that needs something typed. */
export type DecisionWay = 'reject' | 'edit' | 'result';

/** The way, besides yes and no, to decide something of a kind. */
export function moreOf(kind: ApprovalKind): DecisionWay | undefined {
  return kind === 'tool_call' ? 'edit' : kind === 'tool_outcome' ? 'result' : undefined;
}

interface DecisionDialogProps {
  readonly approval: Approval;
  readonly way: DecisionWay;
  readonly onClose: () => void;
}

const FIELDS = { reject: Rejection, edit: EditedInput, result: GivenResult } as const;

/** Asks for what a decision needs, and stays until it is made, or too late. Ctrl Enter sends it. */
export function DecisionDialog({ approval, way, onClose }: DecisionDialogProps) {
  const decide = useDecide({ quiet: true });
  const Fields = FIELDS[way];
  const frame: DecisionFieldsProps['frame'] = (fields, submit, read) => {
    const send = (): void => {
      const body = read();
      if (body === undefined || decide.isPending) return;
      decide.mutate({ approval, body }, { onSuccess: onClose, onError: (error) => isTooLate(error) && onClose() });
    };
    const { error } = decide;
    const placed = way !== 'reject' && error instanceof ClientError && error.details.length > 0;
    return (
      <DialogForm onSend={send}>
        {fields}
        {error !== null && !placed && <ErrorPanel title="It was not decided" error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
          <Button type="submit" loading={decide.isPending} {...(way === 'reject' && { color: 'rust' })}>
            {submit}
          </Button>
        </Group>
      </DialogForm>
    );
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={titleOf(approval, way)}
      size={way === 'edit' ? 'lg' : 'md'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Fields approval={approval} frame={frame} error={decide.error} />
    </Modal>
  );
}

function titleOf({ kind, title, tool }: Approval, way: DecisionWay): string {
  if (way === 'edit') return `Edit the input of ${tool}`;
  if (way === 'result') return `Give the result of ${tool}`;
  return kind === 'tool_outcome' ? `Skip the call of ${tool}` : `Reject “${title}”`;
}
