import { Button, Group, Modal, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createTenant } from '../../api/tenants.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';

interface TenantFormProps {
  readonly onClose: () => void;
  readonly onCreated: (tenantId: string) => void;
}

/** Makes a tenant. What holds for it at first is what the file says. */
export function TenantForm({ onClose, onCreated }: TenantFormProps) {
  const [id, setId] = useState('');
  const [name, setName] = useState('');
  const cache = useQueryClient();
  const create = useMutation({
    mutationFn: () => createTenant({ id: id.trim(), ...(name.trim() !== '' && { name: name.trim() }) }),
    onSuccess: (tenant) => onCreated(tenant.id),
    onSettled: () => cache.invalidateQueries({ queryKey: ['tenants', 'list'] }),
  });
  const details = create.error instanceof ClientError ? create.error.details : [];
  const { byField, others } = placeFaults(['id', 'name'] as const, details);
  const placed = details.length > 0 && others.length === 0;
  return (
    <Modal opened onClose={onClose} title="New tenant" closeButtonProps={{ 'aria-label': 'Close' }}>
      <DialogForm onSend={() => create.mutate()}>
        <TextInput
          label="Id"
          description="Letters, digits, - and _; it stays for good"
          required
          data-autofocus
          maxLength={64}
          value={id}
          error={byField.id}
          onChange={(event) => setId(event.currentTarget.value)}
        />
        <TextInput
          label="Name"
          description="For people; the id unless given"
          maxLength={200}
          value={name}
          error={byField.name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        {create.isError && !placed && <ErrorPanel title="The tenant was not made" error={create.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create tenant
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}
