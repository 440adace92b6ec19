import { openInside, type Workspaces } from '@reeve/sandbox';
import type { ReadAttachment } from '@reeve/runs';

/** Reads files that came with messages. A file that was deleted or replaced by something else, or is in another process, is not there. */
export function createAttachmentReader(workspaces: Workspaces | undefined): ReadAttachment {
  return async (tenantId, { session_id: sessionId, path }, maxBytes) => {
    const workspace = await workspaces?.find(tenantId, sessionId);
    if (workspace === undefined) return undefined;
    try {
      await using handle = await openInside(workspace, path);
      const content = Buffer.alloc(Math.min(maxBytes, (await handle.stat()).size));
      const { bytesRead } = await handle.read(content, 0, content.length, 0);
      return content.subarray(0, bytesRead);
    } catch {
      return undefined;
    }
  };
}
