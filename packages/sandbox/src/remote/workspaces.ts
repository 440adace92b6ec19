import { join } from 'node:path';
import { ReeveError } from '@reeve/kit';
import { MAX_ADDED } from '../limits.ts';
import { requirePlainName } from '../files/workspace.ts';
import type { Workspaces } from '../files/workspaces.ts';

/**
 * Workspaces on the disk of another process, addressed by local paths: this process never creates, measures or removes
 * them. A program may add as much as one call may at most; the remote process enforces its own quota.
 */
export function createWorkspacesElsewhere(root: string): Pick<Workspaces, 'open' | 'remove' | 'quota'> {
  const elsewhere = () => Promise.reject(new ReeveError('unavailable', 'these files are where the sandbox is'));
  return {
    async open(tenantId, sessionId) {
      requirePlainName('tenant id', tenantId);
      requirePlainName('session id', sessionId);
      return join(root, tenantId, sessionId);
    },
    // They go by the retention of the process that has them.
    remove: async () => undefined,
    quota: {
      limit: { bytes: Infinity, files: Infinity },
      usageOf: elsewhere,
      requireRoom: elsewhere,
      allowance: async () => MAX_ADDED,
    },
  };
}
