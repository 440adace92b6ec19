import { Button, Group, Modal, Select } from '@mantine/core';
import type { ApiKey } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { rotateKey, type ShowSecret } from '../../api/keys.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { GRACES } from './key-draft.ts';
import classes from './keys.module.css';

interface RotateDialogProps {
  readonly apiKey: ApiKey;
  readonly onClose: () => void;
  /** Given the secret, which it alone gets. */
  readonly onRotated: ShowSecret;
}

/** Gives a key another secret; the one before is accepted for a while, so that nobody is cut off. */
export function RotateDialog({ apiKey: { id, name }, onClose, onRotated }: RotateDialogProps) {
  const [grace, setGrace] = useState('3600');
  const cache = useQueryClient();
  const rotate = useMutation({
    mutationFn: () => rotateKey(id, Number(grace), onRotated),
    onSettled: () => cache.invalidateQueries({ queryKey: ['keys'] }),
  });
  return (
    <Modal opened onClose={onClose} title="Rotate the key" closeButtonProps={{ 'aria-label': 'Close' }}>
      <DialogForm onSend={() => rotate.mutate()}>
        <p className={classes.text}>
          “{name}” gets a new secret and stays the same key otherwise: its role, its expiry, and what is counted for it.
        </p>
        <Select
          label="The secret before is accepted"
          allowDeselect={false}
          data={GRACES}
          data-autofocus
          value={grace}
          onChange={(seconds) => seconds !== null && setGrace(seconds)}
        />
        {rotate.isError && <ErrorPanel title="The key was not rotated" error={rotate.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={rotate.isPending}>
            Rotate key
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}
