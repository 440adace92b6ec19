import type { Playbook } from '@reeve/contract';
import { useQueryClient } from '@tanstack/react-query';
import { deletePlaybook, refreshPlaybooks } from '../../api/playbooks.ts';
import { DeleteDialog } from '../../ui/delete-dialog.tsx';
import { firstLine } from '../../ui/format.ts';

interface DeletePlaybookProps {
  readonly playbook: Playbook;
  readonly onClose: () => void;
}

/** Asks before a playbook is deleted. */
export function DeletePlaybook({ playbook: { id, goal }, onClose }: DeletePlaybookProps) {
  const cache = useQueryClient();
  return (
    <DeleteDialog
      what="playbook"
      onDelete={() => deletePlaybook(id)}
      onSettled={() => refreshPlaybooks(cache)}
      onClose={onClose}
    >
      How “{firstLine(goal)}” was reached is forgotten, and no agent is shown it any more. A run that succeeds the same
      way teaches it anew.
    </DeleteDialog>
  );
}
