import { notifications } from '@mantine/notifications';
import { ClientError } from '@reeve/client';
import type { Approval, Decision } from '@reeve/contract';
import { useMutation, useQueryClient, type InfiniteData } from '@tanstack/react-query';
import { approvalsQuery, decideApproval } from '../../api/approvals.ts';
import { messageOf } from '../../ui/message-of.ts';

interface Deciding {
  readonly approval: Approval;
  readonly decision: Decision;
  readonly reason: string;
}

/** Decides an approval. One that was decided before, by somebody or by the time, is said to be, and everything is read anew. */
export function useDecide() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ approval, decision, reason }: Deciding) =>
      decideApproval({ id: approval.id, body: { decision, ...(reason.trim() !== '' && { reason: reason.trim() }) } }),
    onSuccess: ({ id }) => {
      const { queryKey } = approvalsQuery('pending', true);
      cache.setQueryData(queryKey, (data) => data && without(data, id));
    },
    onError: (error, { approval }) => {
      const late = error instanceof ClientError && error.status === 409;
      notifications.show({
        color: 'rust',
        title: late ? `Too late for “${approval.title}”` : `“${approval.title}” was not decided`,
        message: messageOf(error),
      });
    },
    onSettled: (_answer, _error, { approval }) =>
      Promise.all(
        [['approvals'], ['tasks', 'one', approval.task_id], ['tasks', 'stats']].map((queryKey) =>
          cache.invalidateQueries({ queryKey }),
        ),
      ),
  });
}

function without<Page extends { approvals: Approval[] }, At>(
  data: InfiniteData<Page, At>,
  id: string,
): InfiniteData<Page, At> {
  return {
    ...data,
    pages: data.pages.map((page) => ({ ...page, approvals: page.approvals.filter((each) => each.id !== id) })),
  };
}
