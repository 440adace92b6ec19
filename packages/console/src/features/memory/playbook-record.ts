import type { Playbook } from '@reeve/contract';
import { formatCount } from '../../ui/format.ts';

/** How often a playbook worked and failed, in words and as a status: one that has failed is to be looked at. */
export function recordOf({ successes, failures }: Pick<Playbook, 'successes' | 'failures'>): {
  readonly status: 'success' | 'degraded';
  readonly text: string;
} {
  const worked = `Worked ${times(successes)}`;
  return failures === 0
    ? { status: 'success', text: worked }
    : { status: 'degraded', text: `${worked}, failed ${times(failures)}` };
}

function times(count: number): string {
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${formatCount(count)} times`;
}
