import { readFileSync, readdirSync } from 'node:fs';
import { ReeveError, sleep } from '@reeve/kit';

/** A process of the host; its start time distinguishes it from a later one with the same PID. */
export interface ProcessId {
  readonly pid: number;
  readonly startTicks: number;
}

/** A snapshot of a process from /proc. */
export interface ProcessStat extends ProcessId {
  readonly state: string;
  /** CPU time of the process and of those that it waited for. */
  readonly cpuMs: number;
  readonly residentPages: number;
  /** Its directory in /proc: of a living thread if the first has ended. */
  readonly address: string;
}

/** A process’s current state; undefined if it does not exist. */
export function findProcess(pid: number): ProcessStat | undefined {
  const stat = statAt(`/proc/${pid}`, pid);
  if (stat === undefined || !DEAD.has(stat.state)) return stat;
  // A process whose first thread has ended looks dead, and without memory, for as long as its others live.
  const living = threadsOf(pid)
    .filter((thread) => thread !== pid)
    .map((thread) => statAt(`/proc/${pid}/task/${thread}`, pid))
    .find((thread) => thread !== undefined && !DEAD.has(thread.state));
  return living === undefined
    ? stat
    : { ...stat, state: living.state, residentPages: living.residentPages, address: living.address };
}

function statAt(address: string, pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`${address}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name, in parentheses, may contain anything; the third field follows it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  const ticks = field(14) + field(15) + field(16) + field(17);
  return {
    pid,
    startTicks: field(22),
    state: fields[0]!,
    cpuMs: (ticks * 1000) / TICKS_PER_SECOND,
    residentPages: field(24),
    address,
  };
}

/** A process and everything below it. Below the first process of a process namespace that is all of the namespace. */
export function treeOf(first: number): ProcessStat[] {
  const found: ProcessStat[] = [];
  const pending = [first];
  for (let pid = pending.pop(); pid !== undefined; pid = pending.pop()) {
    const stat = findProcess(pid);
    if (stat === undefined) continue;
    found.push(stat);
    pending.push(...childrenOf(pid));
  }
  return found;
}

/** Kills a process, unless it is gone and its number another's. */
export function killProcess({ pid, startTicks }: ProcessId): void {
  if (findProcess(pid)?.startTicks !== startTicks) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

/**
 * Waits until the first process of a process namespace is dead. The kernel lets it die only after all others in the
 * namespace. Throws ReeveError `unavailable` where that takes longer than 10 s.
 */
export async function untilDead(first: ProcessId): Promise<void> {
  const deadline = performance.now() + DEATH_MS;
  for (let waitMs = 1; ; waitMs = Math.min(20, waitMs * 2)) {
    const now = findProcess(first.pid);
    if (now === undefined || now.startTicks !== first.startTicks || DEAD.has(now.state)) return;
    if (performance.now() > deadline)
      throw new ReeveError(
        'unavailable',
        `processes of the sandbox are still there ${DEATH_MS} ms after they were killed`,
      );
    await sleep(waitMs);
  }
}

/** The unit of /proc on every architecture that there is a filter for. */
const TICKS_PER_SECOND = 100;
const DEATH_MS = 10_000;
const DEAD: ReadonlySet<string> = new Set(['Z', 'X']);

/** Children belong to the thread that made them. */
function childrenOf(pid: number): number[] {
  return threadsOf(pid).flatMap((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
    } catch {
      // The process ended meanwhile, and its children have another parent.
      return [];
    }
  });
}

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}
