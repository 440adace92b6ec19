import type { Approval } from '@reeve/contract';

/** Who decided, in words. */
export function deciderOf(approval: Pick<Approval, 'decided_by'>): string {
  if (approval.decided_by === null) return 'nobody';
  return approval.decided_by === 'system' ? 'the time running out' : approval.decided_by;
}
