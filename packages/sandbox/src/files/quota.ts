import { ReeveError, type ConfigOf } from '@reeve/kit';
import type { workspaceSettings } from '../config.ts';
import { measure, type Usage } from './disk-meter.ts';
import { MAX_ADDED } from '../limits.ts';
import type { Limits } from '../sandbox.ts';

/** The limit on a session’s files together. */
export interface Quota {
  /** The limit of each workspace. */
  readonly limit: Readonly<Usage>;
  /** The current size of a workspace, counted up to slightly more than the limit. */
  usageOf(workspace: string, signal: AbortSignal): Promise<Usage>;
  /** Throws `limit_reached` if the workspace has no room for the given bytes. */
  requireRoom(workspace: string, bytes: number, signal: AbortSignal): Promise<void>;
  /** What a program may add in one call: a little even in a full workspace, since only a program can tidy it up. */
  allowance(workspace: string, signal: AbortSignal): Promise<Pick<Limits, 'diskBytes' | 'files'>>;
}

const MIB = 1024 * 1024;
/** A workspace is not for millions of small files, each of which costs the disk far more than its bytes. */
const FILES = 200_000;
const LEAST: Usage = { bytes: MIB, files: 100 };
/** A figure is used again for so many times as long as it took to get, so that large workspaces do not cost every call a walk. */
const REUSE = 20;
const MOST_KNOWN = 1_000;

/**
 * The quota of workspaces. A measurement is cached briefly, longer for larger workspaces; so parallel calls can exceed
 * the quota by what each may add.
 */
export function createQuota({ workspaceQuotaMb }: ConfigOf<typeof workspaceSettings>): Quota {
  const limit = { bytes: workspaceQuotaMb * MIB, files: FILES };
  const most = { diskBytes: limit.bytes, files: limit.files };
  const known = new Map<string, { usage: Usage; until: number }>();

  const look = async (workspace: string, signal: AbortSignal): Promise<Usage> => {
    const startedAt = performance.now();
    const usage = await measure(workspace, { since: 0, limits: most, signal });
    signal.throwIfAborted();
    const endedAt = performance.now();
    known.delete(workspace);
    known.set(workspace, { usage, until: endedAt + (endedAt - startedAt) * REUSE });
    if (known.size > MOST_KNOWN) known.delete(known.keys().next().value!);
    return usage;
  };
  /** The cached size if it leaves plenty of room, else a new measurement. */
  const usageWith = async (workspace: string, more: number, signal: AbortSignal): Promise<Usage> => {
    const found = known.get(workspace);
    const isPlenty =
      found !== undefined &&
      performance.now() < found.until &&
      found.usage.bytes + more < limit.bytes / 2 &&
      found.usage.files < limit.files / 2;
    return isPlenty ? found.usage : look(workspace, signal);
  };
  return {
    limit,
    async usageOf(workspace, signal) {
      const { bytes, files } = await look(workspace, signal);
      // An unreadable workspace counts as full.
      return { bytes, files: Math.min(files, limit.files + 1) };
    },
    async requireRoom(workspace, bytes, signal) {
      const usage = await usageWith(workspace, bytes, signal);
      if (usage.bytes + bytes > limit.bytes || usage.files >= limit.files)
        throw new ReeveError('limit_reached', fullText(usage, limit));
      // The cached size includes what was admitted since.
      usage.bytes += bytes;
      usage.files += 1;
    },
    async allowance(workspace, signal) {
      const usage = await usageWith(workspace, 0, signal);
      return {
        diskBytes: Math.max(LEAST.bytes, Math.min(MAX_ADDED.diskBytes, limit.bytes - usage.bytes)),
        files: Math.max(LEAST.files, Math.min(MAX_ADDED.files, limit.files - usage.files)),
      };
    },
  };
}

function fullText(usage: Usage, limit: Usage): string {
  const what =
    usage.files >= limit.files
      ? `${limit.files} files and directories`
      : `${Math.round(limit.bytes / MIB)} MiB, of which ${Math.round(usage.bytes / MIB)} are used`;
  return `the workspace is full: it may hold ${what}; delete files that are not needed any more`;
}
