import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { recordAudit, type AuditEntry } from '@reeve/audit';
import { MAX_ATTACHMENT_BYTES, type Attachment } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { invalidField, ReeveError } from '@reeve/kit';
import { IMAGE_TYPES } from '@reeve/runs';
import { existsInside, openInside, writeInside, type Workspaces } from '@reeve/sandbox';
import type { Requester } from '@reeve/tasks';
import type { SentFile } from './protocols/sent-files.ts';

/** A session, and where its files are; undefined where they are in another process. */
export interface AttachmentPlace {
  readonly workspaces: Workspaces | undefined;
  readonly tenantId: string;
  readonly sessionId: string;
}

/** Bytes of a file by which its type is found. */
const HEAD_BYTES = 4_096;

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
    const media_type = mediaTypeOf(content.subarray(0, HEAD_BYTES));
    if (file.mediaType.startsWith('image/') && file.mediaType !== 'image/svg+xml' && !IMAGE_TYPES.has(media_type))
      throw invalidField(file.path, 'is not an image in PNG, JPEG, GIF or WebP');
    const digest = createHash('sha256').update(content).digest('hex').slice(0, 12);
    const path = `attachments/${digest}/${fileName(file.name, media_type)}`;
    const { length: size } = content;
    if (!(await existsInside(workspace, path))) {
      await here.quota.requireRoom(workspace, size, signal);
      await writeInside(workspace, path, content);
      const details = { session_id: sessionId, path, size };
      audit.push({ tenantId, actor, action: 'FILE_UPLOADED', traceId, details });
    }
    stored.push({ session_id: sessionId, path, media_type, size });
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

/** A file’s type by how it begins, whatever its name: the images that models take, PDF, text, else bytes. */
function mediaTypeOf(head: Uint8Array): string {
  const known = SIGNATURES.find(([, pattern]) => pattern.test(Buffer.from(head.subarray(0, 16)).toString('latin1')));
  return known?.[0] ?? (isText(head) ? 'text/plain' : 'application/octet-stream');
}

const SIGNATURES: readonly (readonly [string, RegExp])[] = [
  ['image/png', /^\x89PNG\r\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
  ['application/pdf', /^%PDF-/],
];

function isText(head: Uint8Array): boolean {
  if (head.includes(0)) return false;
  try {
    // The head may end in the middle of a character.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'application/pdf': 'pdf',
  'text/plain': 'txt',
};

/** A name that is one segment of a path. */
function fileName(name: string | undefined, mediaType: string): string {
  const last = basename((name ?? '').replaceAll('\\', '/'))
    .replace(/[\p{Cc}/]/gu, '')
    .slice(-100)
    .toWellFormed();
  if (last !== '' && last !== '.' && last !== '..') return last;
  return `${mediaType.startsWith('image/') ? 'image' : 'file'}.${EXTENSIONS[mediaType] ?? 'bin'}`;
}
