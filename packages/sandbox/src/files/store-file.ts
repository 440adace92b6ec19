import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { writeInside } from './files.ts';
import { existsInside } from './move.ts';
import type { Quota } from './quota.ts';

/** Bytes of a file by which its type is found. */
export const HEAD_BYTES = 4_096;

/** A file of a workspace. */
export interface StoredFile {
  readonly path: string;
  readonly mediaType: string;
  /** False where it was there already. */
  readonly isNew: boolean;
}

/**
 * Puts a file that came from outside into a workspace, below a directory named by its content, so that a file that comes again
 * is the same file. Throws `limit_reached` where the workspace has no room.
 */
export async function storeInside(
  workspace: string,
  quota: Pick<Quota, 'requireRoom'>,
  file: { readonly name: string | undefined; readonly content: Buffer },
  signal: AbortSignal,
): Promise<StoredFile> {
  const { name, content } = file;
  const mediaType = mediaTypeOf(content.subarray(0, HEAD_BYTES));
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 12);
  const path = `attachments/${digest}/${fileName(name, mediaType)}`;
  // Where that cannot be told, what follows says why.
  const isNew = !(await existsInside(workspace, path).catch(() => false));
  if (isNew) {
    await quota.requireRoom(workspace, content.length, signal);
    await writeInside(workspace, path, content);
  }
  return { path, mediaType, isNew };
}

/** A file’s type by how it begins, whatever its name: the images that models take, sounds, PDF, text, else bytes. */
export function mediaTypeOf(head: Uint8Array): string {
  const known = SIGNATURES.find(([, pattern]) => pattern.test(Buffer.from(head.subarray(0, 16)).toString('latin1')));
  return known?.[0] ?? (isText(head) ? 'text/plain' : 'application/octet-stream');
}

const SIGNATURES: readonly (readonly [string, RegExp])[] = [
  ['image/png', /^\x89PNG\r\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
  ['audio/wav', /^RIFF[^]{4}WAVE/],
  ['audio/ogg', /^OggS/],
  ['audio/flac', /^fLaC/],
  ['audio/mpeg', /^(ID3|\xff[\xf2\xf3\xfa\xfb])/],
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
  'audio/wav': 'wav',
  'audio/ogg': 'ogg',
  'audio/flac': 'flac',
  'audio/mpeg': 'mp3',
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
  const [kind] = mediaType.split('/');
  return `${kind === 'image' || kind === 'audio' ? kind : 'file'}.${EXTENSIONS[mediaType] ?? 'bin'}`;
}
