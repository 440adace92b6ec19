import { Button, Group, Modal, TextInput } from '@mantine/core';
import type { Tenant } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeTenant, resetTenant } from '../../api/tenants.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { countOverrides } from './policy-groups.ts';
import classes from './tenants.module.css';

interface TenantDialogProps {
  readonly tenant: Tenant;
  readonly onClose: () => void;
}

/** Gives a tenant another name; its id stays. */
export function RenameDialog({ tenant, onClose }: TenantDialogProps) {
  const [name, setName] = useState(tenant.name);
  const cache = useQueryClient();
  const rename = useMutation({
    mutationFn: () => changeTenant(tenant.id, { name: name.trim() }),
    onSuccess: onClose,
    onSettled: () => cache.invalidateQueries({ queryKey: ['tenants'] }),
  });
  return (
    <Modal opened onClose={onClose} title="Rename the tenant" closeButtonProps={{ 'aria-label': 'Close' }}>
      <DialogForm onSend={() => rename.mutate()}>
        <TextInput
          label="Name"
          description="For people; the id stays as it is"
          data-autofocus
          maxLength={200}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {rename.isError && <ErrorPanel title="The tenant was not renamed" error={rename.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={rename.isPending}>
            Rename
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}

/** Asks before everything that was set for a tenant here is taken away. */
export function ResetDialog({ tenant, onClose }: TenantDialogProps) {
  const cache = useQueryClient();
  const reset = useMutation({
    mutationFn: () => resetTenant(tenant.id),
    onSuccess: onClose,
    onSettled: () => cache.invalidateQueries({ queryKey: ['tenants'] }),
  });
  const set = countOverrides(tenant);
  return (
    <Modal opened onClose={onClose} title="Reset all values" closeButtonProps={{ 'aria-label': 'Close' }}>
      <p className={classes.question}>
        {set === 0
          ? 'Nothing is set here: what holds comes from the tenants file, or is what Reeve does by itself.'
          : `What was set here for ${tenant.id} (${set === 1 ? '1 value' : `${set} values`}) is taken away, and what the tenants file says holds again within five seconds.`}
      </p>
      {reset.isError && <ErrorPanel title="The values were not reset" error={reset.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          {set === 0 ? 'Close' : 'Keep them'}
        </Button>
        {set > 0 && (
          <Button color="rust" loading={reset.isPending} onClick={() => reset.mutate()}>
            Reset all
          </Button>
        )}
      </Group>
    </Modal>
  );
}
