import { setTimeout as sleep } from 'node:timers/promises';
import type { Contender } from './contender.ts';
import { clock, type Counts, type WorkSettings } from './engine.ts';
import type { Progress } from './host.ts';

/** What to drain, and how. */
export interface DrainOptions {
  /** Worker processes. */
  readonly processes: number;
  readonly settings: WorkSettings;
  /** Stop after so many tasks; without it, drain all that wait. */
  readonly tasks?: number;
}

/** How fast tasks were worked on. */
export interface Drained {
  /** Tasks a second from the first call of a handler to the last. */
  readonly handledPerSecond: number;
  /** Tasks a second from the first call of a handler until the tables say that all have ended; where not all were drained, NaN. */
  readonly settledPerSecond: number;
  /** How many tasks had been handled when, by `clock()`, in all processes together. */
  readonly history: readonly { readonly at: number; readonly handled: number }[];
}

/** Without progress for so long, a drain has failed. */
const STALL_MS = 30_000;

/**
 * Lets worker processes work on what waits. Throws where, in the end, the engine's own tables do not say that every task that
 * was handled was handled once, ended well, and left its records: a rate of work that was not done is no figure.
 */
export async function drain(contender: Contender, { processes, settings, tasks }: DrainOptions): Promise<Drained> {
  const workers = contender.workers.slice(0, processes);
  const before = await contender.front.call('counts');
  const wanted = tasks ?? before.unfinished;
  const all = wanted === before.unfinished;

  const told = new Map<number, Progress>();
  const history: { at: number; handled: number }[] = [];
  const handled = () => [...told.values()].reduce((sum, progress) => sum + progress.handled, 0);
  for (const [index, worker] of workers.entries())
    worker.hear = (progress) => {
      told.set(index, progress);
      history.push({ at: progress.lastAt, handled: handled() });
    };

  await Promise.all(workers.map((worker) => worker.call('startWork', settings)));
  try {
    await until(() => handled() >= wanted, handled);
    const firstAt = Math.min(...[...told.values()].map((progress) => progress.firstAt));
    const lastAt = Math.max(...[...told.values()].map((progress) => progress.lastAt));
    const handledPerSecond = (handled() / (lastAt - firstAt)) * 1000;
    if (all) await untilSettled(contender);
    const settledPerSecond = all ? (wanted / (clock() - firstAt)) * 1000 : Number.NaN;
    const done = await stop(contender, processes);
    check(contender, before, await contender.front.call('counts'), done);
    return { handledPerSecond, settledPerSecond, history };
  } catch (error) {
    await stop(contender, processes).catch(() => undefined);
    throw error;
  }
}

/** Rate over a part of the work, from one share of all tasks to another, by the history of a drain. */
export function rateBetween({ history }: Drained, fromShare: number, toShare: number): number {
  const total = history.at(-1)?.handled ?? 0;
  const at = (share: number) => history.find(({ handled }) => handled >= total * share)!;
  const [from, to] = [at(fromShare), at(toShare)];
  return ((to.handled - from.handled) / (to.at - from.at)) * 1000;
}

async function until(isDone: () => boolean, progress: () => number): Promise<void> {
  let last = progress();
  let movedAt = clock();
  while (!isDone()) {
    await sleep(2);
    if (progress() !== last) {
      last = progress();
      movedAt = clock();
    } else if (clock() - movedAt > STALL_MS) {
      throw new Error(`nothing was handled for ${STALL_MS / 1000} s, after ${last} tasks`);
    }
  }
}

async function untilSettled({ front }: Contender): Promise<void> {
  const begunAt = clock();
  while ((await front.call('counts')).unfinished > 0) {
    if (clock() - begunAt > STALL_MS)
      throw new Error(`tasks are unfinished ${STALL_MS / 1000} s after all were handled`);
    await sleep(2);
  }
}

/** Answers how many tasks were handled in all, those included that ran while the workers stopped. */
async function stop({ workers }: Contender, processes: number): Promise<number> {
  const stopped = await Promise.all(workers.slice(0, processes).map((worker) => worker.call('stopWork')));
  for (const worker of workers) worker.hear = undefined;
  return stopped.reduce((sum, progress) => sum + progress.handled, 0);
}

function check({ name, recordsPerTask }: Contender, before: Counts, after: Counts, handled: number): void {
  const ended = before.unfinished - after.unfinished;
  const completed = after.completed === undefined ? ended : after.completed - (before.completed ?? 0);
  const problems = [
    ended === handled ? [] : [`${handled} tasks were handled, but ${ended} have ended`],
    completed === ended ? [] : [`${ended} tasks have ended, but ${completed} well`],
    after.failed === before.failed ? [] : [`${after.failed - before.failed} tasks failed`],
  ].flat();
  if (after.records !== undefined) {
    // One record was written when a task was enqueued. Where tasks were left, some were given back, which adds others.
    const expected = recordsPerTask * (after.completed ?? 0) + after.unfinished;
    if (after.unfinished > 0 ? after.records < expected : after.records !== expected)
      problems.push(`there are ${after.records} records, not ${expected}`);
  }
  if (problems.length > 0) throw new Error(`${name}: ${problems.join('; ')}`);
}
