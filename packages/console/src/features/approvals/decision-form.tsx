import { Button, Group } from '@mantine/core';
import { routes, type Approval } from '@reeve/contract';
import { useState } from 'react';
import { useMay } from '../../api/identity.ts';
import { BadIcon, CheckIcon, EditIcon } from '../../ui/icons.ts';
import { DecisionDialog, moreOf, type DecisionWay } from './decision-dialog.tsx';
import { DECISION_WORDS } from './decision-words.ts';
import { useDecide } from './use-decide.ts';

/** The ways to decide what waits for it, for those who may. */
export function DecisionForm({ approval }: { readonly approval: Approval }) {
  const [way, setWay] = useState<DecisionWay>();
  const decide = useDecide();
  const words = DECISION_WORDS[approval.kind];
  const more = moreOf(approval.kind);
  const mayDecide = useMay(routes.decideApproval);
  if (!mayDecide) return <span>An {routes.decideApproval.access} decides this; your role does not.</span>;
  return (
    <Group gap="xs">
      <Button
        size="xs"
        leftSection={<CheckIcon size={15} />}
        loading={decide.isPending}
        onClick={() => decide.mutate({ approval, body: { decision: 'approve' } })}
      >
        {words.approve}
      </Button>
      {more !== undefined && (
        <Button
          size="xs"
          variant="default"
          leftSection={<EditIcon size={15} />}
          disabled={decide.isPending}
          onClick={() => setWay(more)}
        >
          {words.more}
        </Button>
      )}
      <Button
        size="xs"
        variant="default"
        leftSection={<BadIcon size={15} />}
        disabled={decide.isPending}
        onClick={() => setWay('reject')}
      >
        {words.reject}
      </Button>
      {way !== undefined && <DecisionDialog approval={approval} way={way} onClose={() => setWay(undefined)} />}
    </Group>
  );
}
