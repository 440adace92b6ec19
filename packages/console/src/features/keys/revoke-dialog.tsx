import { Button, Group, Modal, TextInput } from '@mantine/core';
import type { ApiKey } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { revokeKey } from '../../api/keys.ts';
import { Ago } from '../../ui/ago.tsx';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import classes from './keys.module.css';

interface RevokeDialogProps {
  readonly apiKey: ApiKey;
  readonly onClose: () => void;
}

/** Revokes a key for good, once its name was typed: there is no way back. */
export function RevokeDialog({ apiKey: { id, name, last_used_at: used }, onClose }: RevokeDialogProps) {
  const [typed, setTyped] = useState('');
  const [fault, setFault] = useState<string>();
  const cache = useQueryClient();
  const revoke = useMutation({
    mutationFn: () => revokeKey(id),
    onSuccess: onClose,
    onSettled: () => cache.invalidateQueries({ queryKey: ['keys'] }),
  });
  const send = (): void => {
    const right = typed.trim() === name.trim();
    setFault(right ? undefined : 'type the name as it is written above');
    if (right) revoke.mutate();
  };
  return (
    <Modal opened onClose={onClose} title="Revoke the key" closeButtonProps={{ 'aria-label': 'Close' }}>
      <DialogForm onSend={send}>
        <p className={classes.text}>
          Whoever uses “<strong>{name}</strong>” is refused from now on, with every secret that it ever had. This can’t
          be taken back.{' '}
          {used === null ? (
            'It was never used.'
          ) : (
            <>
              It was last used <Ago time={used} />.
            </>
          )}
        </p>
        <TextInput
          label="Name of the key"
          description="To be sure that it is this one"
          data-autofocus
          autoComplete="off"
          value={typed}
          error={fault}
          onChange={(event) => {
            setFault(undefined);
            setTyped(event.currentTarget.value);
          }}
        />
        {revoke.isError && <ErrorPanel title="The key was not revoked" error={revoke.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Keep it
          </Button>
          <Button type="submit" color="rust" loading={revoke.isPending}>
            Revoke key
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}
