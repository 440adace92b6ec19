import type { Approval } from '@reeve/contract';
import { formatDate } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import { DECISION_WORDS } from './decision-words.ts';
import { timeLeft } from './left.ts';

/** How long a decision can still be made, and what comes then; kept current. */
export function TimeLeft({
  approval,
}: {
  readonly approval: Pick<Approval, 'kind' | 'expires_at' | 'default_decision'>;
}) {
  const now = useNow();
  if (approval.expires_at === null) return null;
  return (
    <time dateTime={approval.expires_at} title={formatDate(approval.expires_at)}>
      {timeLeft(approval.expires_at, now)}, then {DECISION_WORDS[approval.kind].byDefault[approval.default_decision]}
    </time>
  );
}
