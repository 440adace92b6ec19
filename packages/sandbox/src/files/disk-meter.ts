import { lstat, stat, statfs } from 'node:fs/promises';
import { sleep } from '@reeve/kit';
import { unlinkedBytes } from './unlinked-files.ts';
import { entriesOf, openDirectory } from './resolve-path.ts';
import type { ProcessStat } from '../system/process-tree.ts';
import type { Limits } from '../sandbox.ts';

/** Milliseconds until the next measurement of a program started then: long programs are measured less often. */
export function pauseBeforeLook(startedAt: number): number {
  return performance.now() - startedAt < 10_000 ? 50 : 250;
}

/**
 * Measures periodically what a program adds to its workspace, including unlinked files that its processes hold open.
 * Resolves with the breached limit, or with undefined when the signal aborts.
 */
export async function watchDisk(
  workspace: string,
  limits: Pick<Limits, 'diskBytes' | 'files' | 'fileBytes'>,
  processesOf: () => readonly ProcessStat[],
  over: AbortSignal,
): Promise<'disk' | 'files' | undefined> {
  const exceeded = await openMeter(workspace, limits, processesOf, over);
  const startedAt = performance.now();
  for (;;) {
    await sleep(pauseBeforeLook(startedAt), over);
    if (over.aborted) return undefined;
    const limit = await exceeded();
    if (limit !== undefined) return limit;
  }
}

/**
 * Opens a meter that counts from now on. The free space of the file system is a cheap upper bound; once it suggests
 * half of a limit, the workspace and the processes are measured. Every entry changed since the start counts.
 */
async function openMeter(
  workspace: string,
  limits: Pick<Limits, 'diskBytes' | 'files' | 'fileBytes'>,
  processesOf: () => readonly ProcessStat[],
  signal: AbortSignal,
): Promise<() => Promise<'disk' | 'files' | undefined>> {
  const since = Date.now() - CLOCK_GRAIN_MS;
  // Growth of the file system up to which the workspace is not measured.
  const allowed = await usedOf(workspace).then((used) => ({
    bytes: used.bytes + limits.diskBytes / 2,
    files: used.files + limits.files / 2,
  }));
  let looks = 0;
  return async () => {
    const used = await usedOf(workspace);
    looks += 1;
    // Some file systems do not count their files.
    const mayHaveMoreFiles = used.files > 0 ? used.files > allowed.files : looks % UNCOUNTED_LOOKS === 0;
    if (used.bytes <= allowed.bytes && !mayHaveMoreFiles) return undefined;
    allowed.bytes = used.bytes + limits.diskBytes / 4;
    allowed.files = used.files + limits.files / 4;
    const added = await measure(workspace, { since, limits, signal });
    const addresses = processesOf().map(({ address }) => address);
    added.bytes += await unlinkedBytes(addresses, (await stat(workspace)).dev, limits.fileBytes);
    return added.bytes > limits.diskBytes ? 'disk' : added.files > limits.files ? 'files' : undefined;
  };
}

/** The clock of a file system is a few milliseconds coarse. */
const CLOCK_GRAIN_MS = 20;
const UNCOUNTED_LOOKS = 20;
const BLOCK_BYTES = 512;
const MAX_DEPTH = 128;

async function usedOf(workspace: string): Promise<Usage> {
  const { bsize, blocks, bfree, files, ffree } = await statfs(workspace);
  return { bytes: (blocks - bfree) * bsize, files: files - ffree };
}

/** Contents of a workspace: bytes on disk; files, directories and links. */
export interface Usage {
  bytes: number;
  files: number;
}

interface MeasureOptions {
  /** Counts only entries changed since, in milliseconds of the epoch. */
  readonly since: number;
  /** Nothing is looked at beyond them. */
  readonly limits: Pick<Limits, 'diskBytes' | 'files'>;
  readonly signal: AbortSignal;
}

/**
 * Measures what changed below a workspace since a moment, up to the limits. Links are not followed, and a file counts
 * once per name. A directory that is unreadable or too deep counts as exceeding the limit.
 */
export async function measure(workspace: string, { since, limits, signal }: MeasureOptions): Promise<Usage> {
  const added = { bytes: 0, files: 0 };
  const visit = async (address: string | Buffer, depth: number): Promise<void> => {
    const directory = await openDirectory(address);
    await using _held = directory.handle;
    for await (const { address: below } of entriesOf(directory)) {
      if (signal.aborted || added.bytes > limits.diskBytes || added.files > limits.files) return;
      const entry = await lstat(below).catch(() => undefined);
      if (entry === undefined) continue;
      if (entry.ctimeMs >= since) {
        added.files += 1;
        added.bytes += entry.blocks * BLOCK_BYTES;
      }
      if (!entry.isDirectory()) continue;
      if (depth === MAX_DEPTH) added.files = Infinity;
      else
        await visit(below, depth + 1).catch(async () => {
          // An entry that vanished meanwhile does not count.
          if ((await lstat(below).catch(() => undefined))?.isDirectory()) added.files = Infinity;
        });
    }
  };
  await visit(workspace, 0).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    added.files = Infinity;
  });
  return added;
}
