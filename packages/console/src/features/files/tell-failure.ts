import { notifications } from '@mantine/notifications';
import { messageOf } from '../../ui/message-of.ts';

/** Shows why something was not done, for a moment. */
export const tellFailure =
  (title: string) =>
  (error: unknown): void =>
    void notifications.show({ color: 'rust', title, message: messageOf(error) });
