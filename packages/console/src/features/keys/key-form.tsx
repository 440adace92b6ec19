import { Button, Group, Modal, Select, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import { ROLES } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { createKey, type NewKey, type ShowSecret } from '../../api/keys.ts';
import { DialogForm } from '../../ui/dialog-form.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { placeFaults } from '../../ui/field-faults.ts';
import form from '../../ui/form.module.css';
import { emptyKey, EXPIRIES, KEY_FIELDS, keyOf, ROLE_WORDS, type KeyDraft } from './key-draft.ts';
import classes from './keys.module.css';

interface KeyFormProps {
  readonly onClose: () => void;
  /** Given the secret, which it alone gets. */
  readonly onCreated: ShowSecret;
}

/** Makes a key: for whom, as what, and until when. */
export function KeyForm({ onClose, onCreated }: KeyFormProps) {
  const [draft, setDraft] = useState(emptyKey);
  const [fault, setFault] = useState<string>();
  const cache = useQueryClient();
  const create = useMutation({
    mutationFn: (key: NewKey) => createKey(key, onCreated),
    onSettled: () => cache.invalidateQueries({ queryKey: ['keys'] }),
  });
  const change = (part: Partial<KeyDraft>): void => {
    setFault(undefined);
    setDraft({ ...draft, ...part });
  };
  const send = (): void => {
    const read = keyOf(draft, Date.now());
    setFault('fault' in read ? read.fault : undefined);
    if ('key' in read) create.mutate(read.key);
  };
  const details = create.error instanceof ClientError ? create.error.details : [];
  const { byField, others } = placeFaults(KEY_FIELDS, details);
  const placed = details.length > 0 && others.length === 0;
  return (
    <Modal opened onClose={onClose} title="New key" closeButtonProps={{ 'aria-label': 'Close' }}>
      <DialogForm onSend={send}>
        <TextInput
          label="Name"
          description="Who or what will use it, such as “nightly import”"
          required
          data-autofocus
          maxLength={100}
          value={draft.name}
          error={byField.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
        />
        <Select
          label="Role"
          allowDeselect={false}
          data={ROLES}
          value={draft.role}
          error={byField.role}
          onChange={(role) => role !== null && change({ role })}
        />
        <dl className={classes.roles}>
          {ROLES.map((role) => (
            <div key={role} data-chosen={role === draft.role || undefined}>
              <dt>{role}</dt>
              <dd>{ROLE_WORDS[role]}</dd>
            </div>
          ))}
        </dl>
        <div className={form.pair}>
          <Select
            label="Expires"
            allowDeselect={false}
            data={EXPIRIES}
            value={draft.expires}
            error={draft.expires === 'day' ? undefined : byField.expires_at}
            onChange={(expires) => expires !== null && change({ expires })}
          />
          {draft.expires === 'day' && (
            <TextInput
              label="On"
              type="datetime-local"
              value={draft.day}
              error={fault ?? byField.expires_at}
              onChange={(event) => change({ day: event.currentTarget.value })}
            />
          )}
        </div>
        {create.isError && !placed && <ErrorPanel title="The key was not created" error={create.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create key
          </Button>
        </Group>
      </DialogForm>
    </Modal>
  );
}
