import type { Task } from '@reeve/contract';

const KEEP_MS = 20_000;
let recent: { readonly at: number; readonly task: Task }[] = [];

/** Notes what the feed told of a task, so that an answer that was on its way then does not undo it. */
export function noteChange(task: Task): void {
  const at = performance.now();
  if ((recent[0]?.at ?? at) < at - 2 * KEEP_MS) recent = recent.filter((change) => change.at >= at - KEEP_MS);
  recent.push({ at, task });
}

/** The tasks that the feed told of since a time of `performance.now()`, at most 20 s ago, in their latest states. */
export function changedSince(at: number): ReadonlyMap<string, Task> {
  return new Map(recent.filter((change) => change.at >= at).map(({ task }) => [task.id, task]));
}
