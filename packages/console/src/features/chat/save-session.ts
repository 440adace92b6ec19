import { notifications } from '@mantine/notifications';
import type { Session } from '@reeve/contract';
import { exportSession } from '../../api/sessions.ts';
import { messageOf } from '../../ui/message-of.ts';
import { saveFile } from '../../ui/save-file.ts';
import { sessionFileName } from './session-file-name.ts';

/** Saves a session with all of its messages on the reader's machine; where it cannot be read, says why. */
export async function saveSession({ id, title }: Session): Promise<void> {
  try {
    saveFile(await exportSession(id), sessionFileName(title, id));
  } catch (error) {
    notifications.show({ color: 'rust', title: 'The session was not exported', message: messageOf(error) });
  }
}
