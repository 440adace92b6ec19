import type { McpServer } from '@reeve/contract';
import { useQueryClient } from '@tanstack/react-query';
import { deleteMcpServer, refreshMcp } from '../../api/mcp.ts';
import { DeleteDialog } from '../../ui/delete-dialog.tsx';

interface DeleteMcpProps {
  readonly server: McpServer;
  readonly onClose: () => void;
}

/** Asks before a server is deleted. */
export function DeleteMcp({ server: { id, name }, onClose }: DeleteMcpProps) {
  const cache = useQueryClient();
  return (
    <DeleteDialog
      what="server"
      onDelete={() => deleteMcpServer(id)}
      onSettled={() => refreshMcp(cache)}
      onClose={onClose}
    >
      The tools of “{name}” are gone for every agent then, and so are the values of its headers, which are shown
      nowhere. To put it aside for a while, switch it off.
    </DeleteDialog>
  );
}
