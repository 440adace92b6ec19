import type { Step } from '@reeve/contract';

/** Whether a fork can be told something, must be, or can't. */
export type ForkMessage = 'optional' | 'required' | 'none';

type ForkStep = Pick<Step, 'number' | 'kind' | 'status'>;

/**
 * What a fork may be told that begins before step `from`, which may be one more than there are; undefined where a step before it
 * has not ended. As the server judges it: nothing follows from an answer by itself, and nothing can be said between a model's
 * calls and their results.
 */
export function forkMessage(steps: readonly ForkStep[], from: number): ForkMessage | undefined {
  if (steps.some(({ number, status }) => number < from && status === 'pending')) return undefined;
  const first = steps.find(({ number }) => number === from);
  if (first?.kind === 'tool') return 'none';
  const before = steps.find(({ number }) => number === from - 1);
  return before?.kind === 'model' ? 'required' : 'optional';
}

/** The model call that made the tool call of step `from`. */
export function callerOf(steps: readonly ForkStep[], from: number): number | undefined {
  return steps.findLast(({ number, kind }) => number < from && kind === 'model')?.number;
}
