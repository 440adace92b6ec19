import { ActionIcon, Menu } from '@mantine/core';
import type { Session } from '@reeve/contract';
import { useState } from 'react';
import { DeleteIcon, DownloadIcon, EditIcon, MoreIcon } from '../../ui/icons.ts';
import { saveSession } from './save-session.ts';
import { DeleteSession, RenameSession } from './session-dialogs.tsx';
import classes from './session-list.module.css';

interface SessionMenuProps {
  readonly session: Session;
  /** Whether it is the one in view. */
  readonly open: boolean;
}

/** What can be done with a session in the list, and the dialogs that ask about it. */
export function SessionMenu({ session, open }: SessionMenuProps) {
  const [dialog, setDialog] = useState<'rename' | 'delete'>();
  const close = (): void => setDialog(undefined);
  return (
    <>
      <Menu position="bottom-end" withinPortal={false} floatingStrategy="fixed" withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            size={24}
            c="var(--soft)"
            className={classes.more}
            aria-label={`Actions for ${session.title || 'Untitled'}`}
          >
            <MoreIcon size={15} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<EditIcon size={15} />} onClick={() => setDialog('rename')}>
            Rename
          </Menu.Item>
          <Menu.Item leftSection={<DownloadIcon size={15} />} onClick={() => void saveSession(session)}>
            Export
          </Menu.Item>
          <Menu.Item leftSection={<DeleteIcon size={15} />} onClick={() => setDialog('delete')}>
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog === 'rename' && <RenameSession session={session} onClose={close} />}
      {dialog === 'delete' && <DeleteSession session={session} open={open} onClose={close} />}
    </>
  );
}
