import { readFileSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { sleep } from '@reeve/kit';
import { pauseBeforeLook, watchDisk } from '../files/disk-meter.ts';
import { treeOf, type ProcessStat } from '../system/process-tree.ts';
import { TMPFS_BYTES } from '../system/program.ts';
import type { ExceededLimit, Limits } from '../sandbox.ts';

/** What is measured: the processes below a sandbox’s first process, and the workspace. */
export interface Watched {
  readonly first: number;
  readonly workspace: string;
  readonly limits: Limits;
}

/**
 * Measures periodically (`pauseBeforeLook`) what the processes of a sandbox use together, since kernel limits apply per
 * process; needs neither root nor cgroups. Resolves with the breached limit, or with undefined when the signal aborts.
 * Unreadable figures count as zero.
 */
export async function watchUsage(watched: Watched, signal: AbortSignal): Promise<ExceededLimit | undefined> {
  const decided = new AbortController();
  const over = AbortSignal.any([signal, decided.signal]);
  // Side by side: a look at a large workspace takes long, and memory is used up fast.
  const { first, workspace, limits } = watched;
  const looks = [watchProcesses(watched, over), watchDisk(workspace, limits, () => treeOf(first), over)];
  try {
    return await Promise.race(looks);
  } finally {
    decided.abort();
    await Promise.allSettled(looks);
  }
}

async function watchProcesses({ first, limits }: Watched, over: AbortSignal): Promise<ExceededLimit | undefined> {
  const startedAt = performance.now();
  for (;;) {
    await sleep(pauseBeforeLook(startedAt), over);
    if (over.aborted) return undefined;
    const processes = programOf(first);
    if (processes === undefined) continue;
    if (sum(processes, ({ cpuMs }) => cpuMs) > limits.cpuMs) return 'cpu';
    if (await usesMore(processes, limits.memoryBytes)) return 'memory';
    if (await hasMoreFiles(first, limits.files)) return 'files';
  }
}

/** The processes, or undefined before the program is there: bwrap is still at work on the mounts. */
function programOf(first: number): ProcessStat[] | undefined {
  const processes = treeOf(first);
  return processes.length < 2 ? undefined : processes;
}

/** Reads the exact figure, which is slow, only if the sum that counts shared pages repeatedly is too high. */
async function usesMore(processes: readonly ProcessStat[], bytes: number): Promise<boolean> {
  if (sum(processes, ({ residentPages }) => residentPages) * pageBytes() <= bytes) return false;
  const exact = await Promise.all(
    processes.map(
      async ({ address, residentPages }) => (await proportionalBytes(address)) ?? residentPages * pageBytes(),
    ),
  );
  return sum(exact, (one) => one) > bytes;
}

/** A process’s memory with its share of shared pages; undefined if it may not be read. */
async function proportionalBytes(address: string): Promise<number | undefined> {
  try {
    const kib = /^Pss:\s+(\d+) kB$/m.exec(await readFile(`${address}/smaps_rollup`, 'latin1'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? undefined : 0;
  }
}

/** True if a memory file system has more entries: each costs a kilobyte of kernel memory that no other limit counts. */
async function hasMoreFiles(first: number, files: number): Promise<boolean> {
  for (const [path, size] of Object.entries(TMPFS_BYTES)) {
    try {
      const found = await statfs(`/proc/${first}/root${path}`);
      // Until its root has changed, a first process shows the host's file systems.
      if (found.type === TMPFS && found.bsize * found.blocks === size && found.files - found.ffree > files) return true;
    } catch {
      continue;
    }
  }
  return false;
}

const TMPFS = 0x0102_1994;
const AT_PAGESZ = 6n;

let knownPageBytes: number | undefined;

/** The size of a page, from the auxiliary vector that the kernel gave this process. */
function pageBytes(): number {
  if (knownPageBytes !== undefined) return knownPageBytes;
  const vector = readFileSync('/proc/self/auxv');
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return (knownPageBytes = Number(vector.readBigUInt64LE(at + 8)));
  }
  return (knownPageBytes = 4096);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
