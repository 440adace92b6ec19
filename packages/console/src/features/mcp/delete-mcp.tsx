import { Button, Group, Modal } from '@mantine/core';
import type { McpServer } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { deleteMcpServer, refreshMcp } from '../../api/mcp.ts';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import form from '../../ui/form.module.css';
import classes from './mcp.module.css';

interface DeleteMcpProps {
  readonly server: McpServer;
  readonly onClose: () => void;
}

/** Asks before a server is deleted. */
export function DeleteMcp({ server: { id, name }, onClose }: DeleteMcpProps) {
  const cache = useQueryClient();
  const remove = useMutation({
    mutationFn: () => deleteMcpServer(id),
    onSuccess: onClose,
    onSettled: () => refreshMcp(cache),
  });
  return (
    <Modal opened onClose={onClose} title="Delete the server" closeButtonProps={{ 'aria-label': 'Close' }}>
      <div className={form.form}>
        <p className={classes.text}>
          The tools of “{name}” are gone for every agent then, and so are the values of its headers, which are shown
          nowhere. To put it aside for a while, switch it off.
        </p>
        {remove.isError && <ErrorPanel title="The server was not deleted" error={remove.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Keep it
          </Button>
          <Button color="rust" loading={remove.isPending} onClick={() => remove.mutate()}>
            Delete server
          </Button>
        </Group>
      </div>
    </Modal>
  );
}
