import type { Task } from '@reeve/contract';
import { messageOf } from '../../ui/message-of.ts';

/** How far an action on many tasks has come. */
export interface BulkProgress {
  readonly total: number;
  readonly done: number;
  readonly failures: readonly { readonly task: Task; readonly why: string }[];
}

const AT_ONCE = 6;

/** Does something to each of many tasks, six at a time, until the signal; tells after each. A failure stops none of the others. */
export async function actOnMany(
  tasks: readonly Task[],
  act: (task: Task, signal: AbortSignal) => Promise<unknown>,
  onProgress: (progress: BulkProgress) => void,
  signal: AbortSignal,
): Promise<BulkProgress> {
  let progress: BulkProgress = { total: tasks.length, done: 0, failures: [] };
  const waiting = [...tasks];
  async function work(): Promise<void> {
    for (let task = waiting.shift(); task !== undefined && !signal.aborted; task = waiting.shift()) {
      const failure = await act(task, signal).then(
        () => undefined,
        (error: unknown) => ({ task: task!, why: messageOf(error) }),
      );
      if (signal.aborted && failure !== undefined) return;
      progress =
        failure === undefined
          ? { ...progress, done: progress.done + 1 }
          : { ...progress, failures: [...progress.failures, failure] };
      onProgress(progress);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return progress;
}

/** The reasons of failures with how many tasks had each, the most frequent first. */
export function reasonsOf(
  failures: BulkProgress['failures'],
): readonly (readonly [why: string, tasks: readonly Task[]])[] {
  const byReason = new Map<string, Task[]>();
  for (const { task, why } of failures) byReason.set(why, [...(byReason.get(why) ?? []), task]);
  return [...byReason].sort(([, a], [, b]) => b.length - a.length);
}
