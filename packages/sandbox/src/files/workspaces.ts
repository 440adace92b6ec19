import { randomUUID } from 'node:crypto';
import { opendir, rename, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Quota } from './quota.ts';
import { removeTree } from './remove-tree.ts';
import { workspacePath } from './workspace.ts';

/** The workspaces below one directory, `<tenant>/<session>`. */
export interface Workspaces {
  readonly quota: Quota;
  /** Opens a session’s workspace, creating it if missing, and marks it as used now. */
  open(tenantId: string, sessionId: string): Promise<string>;
  /** A session’s workspace; undefined if it has none. */
  find(tenantId: string, sessionId: string): Promise<string | undefined>;
  /**
   * Removes a workspace with all that is in it, unless it was opened after `unusedSince`; nothing where there is none. What
   * still runs in it loses its files.
   */
  remove(tenantId: string, sessionId: string, unusedSince?: Date): Promise<void>;
  /** Workspaces not opened since a moment. */
  unused(since: Date): AsyncGenerator<{ readonly tenantId: string; readonly sessionId: string }, void>;
}

export function createWorkspaces(root: string, quota: Quota): Workspaces {
  return {
    quota,
    async open(tenantId, sessionId) {
      const workspace = await workspacePath(root, tenantId, sessionId);
      const now = new Date();
      await utimes(workspace, now, now);
      return workspace;
    },
    async find(tenantId, sessionId) {
      const workspace = join(root, tenantId, sessionId);
      return (await isDirectory(workspace)) ? workspacePath(root, tenantId, sessionId) : undefined;
    },
    async remove(tenantId, sessionId, unusedSince) {
      const workspace = join(root, tenantId, sessionId);
      const lastUsed = await lastUsedAt(workspace);
      if (lastUsed === undefined || (unusedSince !== undefined && lastUsed >= unusedSince.getTime())) return;
      // Later opens create a new one.
      const aside = join(root, tenantId, `${ASIDE}${randomUUID()}`);
      await rename(workspace, aside);
      await removeTree(aside);
    },
    async *unused(since) {
      for await (const tenantId of namesIn(root))
        for await (const sessionId of namesIn(join(root, tenantId))) {
          const workspace = join(root, tenantId, sessionId);
          // A removal that did not finish.
          if (sessionId.startsWith(ASIDE)) await removeTree(workspace).catch(() => undefined);
          else if (((await lastUsedAt(workspace)) ?? Infinity) < since.getTime()) yield { tenantId, sessionId };
        }
    },
  };
}

/** Prefix of directories that are being removed; no session ID begins with it. */
const ASIDE = '.removed-';

/** When a workspace was opened last. A program may set the one time as it likes, but not the other. */
async function lastUsedAt(workspace: string): Promise<number | undefined> {
  const found = await stat(workspace).catch(() => undefined);
  return found?.isDirectory() ? Math.min(found.mtimeMs, found.ctimeMs) : undefined;
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** The names of a directory’s subdirectories; none if it does not exist. */
async function* namesIn(path: string): AsyncGenerator<string, void> {
  try {
    for await (const entry of await opendir(path)) if (entry.isDirectory()) yield entry.name;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
