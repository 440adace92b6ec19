import { readFileSync } from 'node:fs';
import type { Container } from 'dockerode';
import { sleep } from '@reeve/kit';
import { watchDisk } from '../files/disk-meter.ts';
import { treeOf } from '../system/process-tree.ts';
import type { ExceededLimit, Limits } from '../sandbox.ts';

/** What is measured: a running container, and the workspace. */
export interface WatchedContainer {
  readonly container: Container;
  readonly processors: number;
  readonly workspace: string;
  readonly limits: Limits;
}

const LOOK_EVERY_MS = 50;

/**
 * Measures what the kernel does not limit for a container as a whole: CPU time, and data added to the workspace.
 * Resolves with the breached limit, or with undefined when the signal aborts. Throws if the engine no longer answers.
 */
export async function watchContainer(
  watched: WatchedContainer,
  signal: AbortSignal,
): Promise<ExceededLimit | undefined> {
  const decided = new AbortController();
  const over = AbortSignal.any([signal, decided.signal]);
  const { container, workspace, limits } = watched;
  let first: number | undefined;
  const finding = firstProcess(container).then((pid) => void (first = pid));
  const processesOf = () => (first === undefined ? [] : treeOf(first));
  const looks = [watchCpu(watched, over), watchDisk(workspace, limits, processesOf, over)];
  try {
    return await Promise.race(looks);
  } finally {
    decided.abort();
    await Promise.allSettled([...looks, finding]);
  }
}

/** Asks not before so much can have been used at all: a question costs the engine more than a look at /proc. */
async function watchCpu(
  { container, processors, limits }: WatchedContainer,
  over: AbortSignal,
): Promise<ExceededLimit | undefined> {
  for (let usedMs = 0; ;) {
    await sleep(Math.max(LOOK_EVERY_MS, (limits.cpuMs - usedMs) / processors), over);
    if (over.aborted) return undefined;
    const stats = await container.stats({ stream: false, 'one-shot': true });
    usedMs = stats.cpu_stats.cpu_usage.total_usage / 1e6;
    if (usedMs > limits.cpuMs && !over.aborted) return 'cpu';
  }
}

/** The container’s first process, if engine and this process number processes alike; else undefined. */
async function firstProcess(container: Container): Promise<number | undefined> {
  try {
    const { Pid } = (await container.inspect()).State;
    return readFileSync(`/proc/${Pid}/cgroup`, 'utf8').includes(container.id) ? Pid : undefined;
  } catch {
    return undefined;
  }
}
