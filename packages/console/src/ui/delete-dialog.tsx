import { Button, Group, Modal } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ErrorPanel } from './error-panel.tsx';
import form from './form.module.css';

interface DeleteDialogProps {
  /** What would be deleted, as it is called in a sentence: "document". */
  readonly what: string;
  /** What is lost with it. */
  readonly children: ReactNode;
  readonly onDelete: () => Promise<unknown>;
  /** Called after an attempt, so that what is shown is read again. */
  readonly onSettled: () => Promise<unknown>;
  readonly onDeleted?: () => void;
  readonly onClose: () => void;
  /** What to do about a refusal, below it. */
  readonly advice?: (error: Error) => ReactNode;
}

/** Asks before something is deleted. */
export function DeleteDialog({ what, children, advice, onDelete, onSettled, onDeleted, onClose }: DeleteDialogProps) {
  const remove = useMutation({
    mutationFn: onDelete,
    onSuccess: onDeleted ?? onClose,
    onSettled,
  });
  return (
    <Modal opened onClose={onClose} title={`Delete the ${what}`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className={form.form}>
        <div className={form.question}>{children}</div>
        {remove.isError && <ErrorPanel title={`The ${what} was not deleted`} error={remove.error} />}
        {remove.isError && advice?.(remove.error)}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Keep it
          </Button>
          <Button color="rust" loading={remove.isPending} onClick={() => remove.mutate()}>
            Delete {what}
          </Button>
        </Group>
      </div>
    </Modal>
  );
}
