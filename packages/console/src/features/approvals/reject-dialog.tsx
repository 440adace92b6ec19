import { Button, Group, Modal, Textarea } from '@mantine/core';
import { useState } from 'react';
import classes from '../../ui/form.module.css';

interface RejectDialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly onReject: (reason: string) => void;
}

/** Asks for the reason of a rejection. */
export function RejectDialog({ title, onClose, onReject }: RejectDialogProps) {
  const [reason, setReason] = useState('');
  return (
    <Modal opened onClose={onClose} title={`Reject “${title}”`} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          onReject(reason);
        }}
      >
        <Textarea
          label="Reason"
          description="The task fails with it. Ctrl Enter rejects."
          data-autofocus
          autosize
          minRows={2}
          maxRows={8}
          maxLength={2000}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onReject(reason);
          }}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Back
          </Button>
          <Button type="submit" color="rust">
            Reject
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
