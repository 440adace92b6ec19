import { Notifications } from '@mantine/notifications';

/** Where short notices appear: what an action came to when it is not visible otherwise. */
export function Notices() {
  return <Notifications position="bottom-right" />;
}
