import { Button, Group } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { Task } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { actOnTask, canAct } from '../../api/tasks.ts';
import { CancelledIcon, RetryIcon } from '../../ui/icons.ts';
import { messageOf } from '../../ui/message-of.ts';

const BUTTONS = [
  { action: 'cancel', text: 'Cancel task', icon: CancelledIcon, failed: 'The task was not cancelled' },
  { action: 'retry', text: 'Retry task', icon: RetryIcon, failed: 'The task was not queued again' },
] as const;

/** What can be done about a task as it is. */
export function TaskActions({ task }: { readonly task: Task }) {
  const cache = useQueryClient();
  const act = useMutation({
    mutationFn: ({ action }: (typeof BUTTONS)[number]) => actOnTask(task.id, action),
    onError: (error, { failed }) => notifications.show({ color: 'rust', title: failed, message: messageOf(error) }),
    onSettled: () =>
      Promise.all(
        [['tasks', 'one', task.id], ['tasks', 'stats'], ['approvals'], ['runs']].map((queryKey) =>
          cache.invalidateQueries({ queryKey }),
        ),
      ),
  });
  return (
    <Group gap="xs">
      {BUTTONS.filter(({ action }) => canAct(task, action)).map((button) => (
        <Button
          key={button.action}
          size="xs"
          variant="default"
          leftSection={<button.icon size={15} />}
          loading={act.isPending}
          onClick={() => act.mutate(button)}
        >
          {button.text}
        </Button>
      ))}
    </Group>
  );
}
