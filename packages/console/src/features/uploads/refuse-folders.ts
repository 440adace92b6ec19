import { notifications } from '@mantine/notifications';

/** Says that folders which were dropped are not taken. */
export function refuseFolders(names: readonly string[]): void {
  notifications.show({
    color: 'rust',
    title: 'Folders are not taken',
    message: `Drop the files in ${names.join(', ')} instead.`,
  });
}
