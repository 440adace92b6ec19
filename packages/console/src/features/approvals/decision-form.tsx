import { Button, Group } from '@mantine/core';
import type { Approval } from '@reeve/contract';
import { useState } from 'react';
import { BadIcon, CheckIcon } from '../../ui/icons.ts';
import { RejectDialog } from './reject-dialog.tsx';
import { useDecide } from './use-decide.ts';

/** The two ways to decide what waits for it. */
export function DecisionForm({ approval }: { readonly approval: Approval }) {
  const [rejecting, setRejecting] = useState(false);
  const decide = useDecide();
  return (
    <Group gap="xs">
      <Button
        size="xs"
        leftSection={<CheckIcon size={15} />}
        loading={decide.isPending}
        onClick={() => decide.mutate({ approval, decision: 'approve', reason: '' })}
      >
        Approve
      </Button>
      <Button
        size="xs"
        variant="default"
        leftSection={<BadIcon size={15} />}
        disabled={decide.isPending}
        onClick={() => setRejecting(true)}
        data-reject
      >
        Reject
      </Button>
      {rejecting && (
        <RejectDialog
          title={approval.title}
          onClose={() => setRejecting(false)}
          onReject={(reason) => {
            setRejecting(false);
            decide.mutate({ approval, decision: 'reject', reason });
          }}
        />
      )}
    </Group>
  );
}
