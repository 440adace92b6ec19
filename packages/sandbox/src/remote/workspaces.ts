import { join } from 'node:path';
import { ReeveError } from '@reeve/kit';
import { MAX_ADDED } from '../limits.ts';
import { requirePlainName } from '../files/workspace.ts';
import type { Workspaces } from '../files/workspaces.ts';

/**
 * Workspaces on the disk of another process, by the paths that stand for them here: none is made, measured or removed by this
 * one. What a program may add is what a call may add at most; the process that has the disk knows what there is room for.
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
