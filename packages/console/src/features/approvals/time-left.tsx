import type { Approval } from '@reeve/contract';
import { formatDate } from '../../ui/format.ts';
import { useNow } from '../../ui/use-now.ts';
import { timeLeft } from './left.ts';

/** How long a decision can still be made, and what comes then; kept current. */
export function TimeLeft({ approval }: { readonly approval: Pick<Approval, 'expires_at' | 'default_decision'> }) {
  const now = useNow();
  if (approval.expires_at === null) return null;
  const then = approval.default_decision === 'approve' ? 'approved' : 'rejected';
  return (
    <time dateTime={approval.expires_at} title={formatDate(approval.expires_at)}>
      {timeLeft(approval.expires_at, now)}, then {then}
    </time>
  );
}
