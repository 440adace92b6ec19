import { sleep, type Log } from '@reeve/kit';
import type { Workspaces } from '@reeve/sandbox';

export interface WorkspaceRetentionParts {
  /** True for a workspace that is waited for, however long. */
  readonly isNeeded: (tenantId: string, sessionId: string) => Promise<boolean>;
  readonly workspaces: Workspaces;
  /** How long a workspace that nobody uses is kept, in days. */
  readonly days: number;
  readonly log: Log;
}

const FIRST_ROUND_MS = 90_000;
const ROUND_MS = 3_600_000;
const PAUSE_MS = 50;
const DAY_MS = 86_400_000;

/** Removes workspaces that nobody has used for their days, every hour until the signal aborts. */
export async function keepWorkspaces(parts: WorkspaceRetentionParts, signal: AbortSignal): Promise<void> {
  await sleep(FIRST_ROUND_MS, signal);
  while (!signal.aborted) {
    await removeUnused(parts, signal).then(
      (removed) => removed > 0 && parts.log.info({ workspaces: removed }, 'workspaces that nobody used were removed'),
      (error: unknown) => parts.log.warn({ err: error }, 'removing workspaces failed; trying again in an hour'),
    );
    await sleep(ROUND_MS, signal);
  }
}

/** One round. Answers how many went. */
export async function removeUnused(
  { isNeeded, workspaces, days, log }: WorkspaceRetentionParts,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  const since = new Date(Date.now() - days * DAY_MS);
  for await (const { tenantId, sessionId } of workspaces.unused(since)) {
    if (signal.aborted) break;
    if (await isNeeded(tenantId, sessionId)) continue;
    await workspaces.remove(tenantId, sessionId, since).then(
      () => (removed += 1),
      (error: unknown) => log.warn({ err: error, session: sessionId }, 'a workspace could not be removed'),
    );
    await sleep(PAUSE_MS, signal);
  }
  return removed;
}
