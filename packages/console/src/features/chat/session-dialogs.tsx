import { Button, Group, Modal, Text, TextInput } from '@mantine/core';
import { ClientError } from '@reeve/client';
import type { Session } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { deleteSession, renameSession } from '../../api/sessions.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';

interface DialogProps {
  readonly session: Session;
  readonly onClose: () => void;
}

/** Asks for a session's new title. */
export function RenameSession({ session, onClose }: DialogProps) {
  const [title, setTitle] = useState(session.title);
  const cache = useQueryClient();
  const rename = useMutation({
    mutationFn: () => renameSession(session.id, title.trim()),
    onSuccess: async () => {
      await cache.invalidateQueries({ queryKey: ['sessions'] });
      onClose();
    },
  });
  const fault =
    rename.error instanceof ClientError ? rename.error.details.find((detail) => detail.path === 'title') : undefined;
  return (
    <Modal opened onClose={onClose} title="Rename session" closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate();
        }}
      >
        <TextInput
          label="Title"
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
          error={fault?.message}
          data-autofocus
        />
        {rename.isError && fault === undefined && (
          <ErrorPanel title="The session was not renamed" error={rename.error} />
        )}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={rename.isPending} disabled={title.trim() === ''}>
            Rename
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

/** Asks before a session is deleted; leaves it first where it is open. */
export function DeleteSession({ session, open, onClose }: DialogProps & { readonly open: boolean }) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => deleteSession(session.id),
    onSuccess: async () => {
      if (open) await navigate({ to: '/chat/{-$sessionId}', params: { sessionId: undefined } });
      cache.removeQueries({ queryKey: ['sessions', 'one', session.id] });
      await cache.invalidateQueries({ queryKey: ['sessions', 'list'] });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title="Delete session" closeButtonProps={{ 'aria-label': 'Close' }}>
      <Text>
        Delete “{session.title || 'Untitled'}” and its {session.message_count} messages? This can't be undone. Its runs
        stay listed.
      </Text>
      {remove.isError && <ErrorPanel title="The session was not deleted" error={remove.error} />}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose} data-autofocus>
          Keep it
        </Button>
        <Button color="rust" loading={remove.isPending} onClick={() => remove.mutate()}>
          Delete session
        </Button>
      </Group>
    </Modal>
  );
}
