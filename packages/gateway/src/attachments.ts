import { recordAudit, type AuditEntry } from '@reeve/audit';
import { MAX_ATTACHMENT_BYTES, type Attachment } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { invalidField, ReeveError } from '@reeve/kit';
import { IMAGE_TYPES } from '@reeve/runs';
import { HEAD_BYTES, mediaTypeOf, openInside, storeInside, type Workspaces } from '@reeve/sandbox';
import type { Requester } from '@reeve/tasks';
import type { SentFile } from './protocols/sent-files.ts';

/** A session, and where its files are; undefined where they are in another process. */
export interface AttachmentPlace {
  readonly workspaces: Workspaces | undefined;
  readonly tenantId: string;
  readonly sessionId: string;
}

/**
 * Puts files that came with a message into the session’s workspace, each below a directory named by its content, so that a file sent
 * again is the same file. Throws `invalid_request` for an image of a type that no model takes, and `limit_reached` where the workspace
 * has no room. The caller’s transaction records what is new.
 */
export async function storeFiles(
  tx: Tx,
  { userId: actor, traceId }: Pick<Requester, 'userId' | 'traceId'>,
  { workspaces, tenantId, sessionId }: AttachmentPlace,
  files: readonly SentFile[],
  signal: AbortSignal,
): Promise<Attachment[]> {
  if (files.length === 0) return [];
  const here = requireHere(workspaces);
  const workspace = await here.open(tenantId, sessionId);
  const stored: Attachment[] = [];
  const audit: AuditEntry[] = [];
  for (const file of files) {
    const content = Buffer.from(file.data, 'base64');
    requireSize(content.length, file.path);
    if (claimsToBeImage(file.mediaType) && !IMAGE_TYPES.has(mediaTypeOf(content.subarray(0, HEAD_BYTES))))
      throw invalidField(file.path, 'is not an image in PNG, JPEG, GIF or WebP');
    const { path, mediaType, isNew } = await storeInside(workspace, here.quota, { name: file.name, content }, signal);
    const { length: size } = content;
    if (isNew) {
      const details = { session_id: sessionId, path, size };
      audit.push({ tenantId, actor, action: 'FILE_UPLOADED', traceId, details });
    }
    stored.push({ session_id: sessionId, path, media_type: mediaType, size });
  }
  await recordAudit(tx, audit);
  return stored;
}

/** Files of the session’s workspace by their paths. Throws `invalid_request` for one that is not there or too large. */
export async function findFiles(
  { workspaces, tenantId, sessionId }: AttachmentPlace,
  paths: readonly string[],
): Promise<Attachment[]> {
  if (paths.length === 0) return [];
  const workspace = await requireHere(workspaces).find(tenantId, sessionId);
  const found: Attachment[] = [];
  for (const [index, path] of paths.entries()) {
    const at = `attachments.${index}`;
    if (workspace === undefined) throw invalidField(at, `the session has no file ${path}: put it there first`);
    await using handle = await openInside(workspace, path).catch((error: unknown) => {
      throw invalidField(at, ReeveError.from(error).message);
    });
    const { size } = await handle.stat();
    requireSize(size, at);
    const head = new Uint8Array(Math.min(size, HEAD_BYTES));
    const { bytesRead } = await handle.read(head);
    found.push({ session_id: sessionId, path, media_type: mediaTypeOf(head.subarray(0, bytesRead)), size });
  }
  return found;
}

/** Drawings in SVG are texts, which a model is shown as such. */
function claimsToBeImage(mediaType: string): boolean {
  return mediaType.startsWith('image/') && mediaType !== 'image/svg+xml';
}

function requireHere(workspaces: Workspaces | undefined): Workspaces {
  if (workspaces !== undefined) return workspaces;
  throw new ReeveError(
    'unavailable',
    'files cannot be sent: those of sessions are where the sandbox runs (SANDBOX_TARGET), and not in reach here',
  );
}

function requireSize(size: number, path: string): void {
  if (size === 0) throw invalidField(path, 'the file is empty');
  if (size > MAX_ATTACHMENT_BYTES)
    throw invalidField(path, `the file is larger than ${MAX_ATTACHMENT_BYTES / 2 ** 20} MiB`);
}
