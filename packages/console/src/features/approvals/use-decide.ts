import { notifications } from '@mantine/notifications';
import { ClientError } from '@reeve/client';
import type { Approval } from '@reeve/contract';
import { useMutation, useQueryClient, type InfiniteData } from '@tanstack/react-query';
import { approvalsQuery, decideApproval, type Deciding as Request } from '../../api/approvals.ts';
import { messageOf } from '../../ui/message-of.ts';

export type DecisionBody = Request['body'];

interface Deciding {
  readonly approval: Approval;
  readonly body: DecisionBody;
}

/**
 * Decides an approval. One that was decided before, by somebody or by the time, is said to be, and everything is read anew. Other
 * refusals are said too, unless `quiet`: whoever asks then says them in place.
 */
export function useDecide({ quiet = false }: { readonly quiet?: boolean } = {}) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ approval, body }: Deciding) => decideApproval({ id: approval.id, body }),
    onSuccess: (decided) => {
      const { queryKey } = approvalsQuery('pending', true);
      cache.setQueryData(queryKey, (data) => data && without(data, decided.id));
      cache.setQueryData<Approval[]>(['approvals', 'of-run', decided.run_id], (all) =>
        all?.map((one) => (one.id === decided.id ? decided : one)),
      );
    },
    onError: (error, { approval }) => {
      const late = isTooLate(error);
      if (quiet && !late) return;
      notifications.show({
        color: late ? 'gray' : 'rust',
        title: late ? `Too late for “${approval.title}”` : `“${approval.title}” was not decided`,
        message: late ? `Somebody or its time was faster: ${messageOf(error)}.` : messageOf(error),
      });
    },
    onSettled: (_answer, _error, { approval }) =>
      Promise.all(
        [['approvals'], ['tasks', 'one', approval.task_id], ['tasks', 'stats'], ['runs']].map((queryKey) =>
          cache.invalidateQueries({ queryKey }),
        ),
      ),
  });
}

/** Whether there was a decision before this one. */
export function isTooLate(error: unknown): boolean {
  return error instanceof ClientError && error.status === 409;
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
