import { isUtf8 } from 'node:buffer';
import { ReeveError } from '@reeve/kit';
import { openInside, writeInside } from '@reeve/sandbox';
import { z } from 'zod';
import type { ToolContext } from './tool.ts';

/** A path argument of a file tool. */
export const Path = z.string().min(1).max(4096).describe('Path inside the workspace, such as "notes/today.md".');

export const MAX_WRITE_BYTES = 5 * 1024 * 1024;

/** A text file of a workspace, whole. Throws ReeveError `invalid_request` where it is too large or not text. */
export async function readTextFile(workspace: string, path: string, maxBytes: number): Promise<string> {
  await using handle = await openInside(workspace, path);
  // One byte more than allowed tells a file that is too large, even while it grows.
  const buffer = Buffer.alloc(Math.min((await handle.stat()).size, maxBytes) + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) break;
  }
  if (length > maxBytes)
    throw new ReeveError('invalid_request', `${JSON.stringify(path)} is larger than ${maxBytes} bytes`);
  return asText(path, buffer.subarray(0, length));
}

/** Writes a file of a workspace whole, where there is room for it. Throws ReeveError `limit_reached` where there is not. */
export async function writeTextFile(
  { workspace, quota, signal }: Pick<ToolContext, 'workspace' | 'quota' | 'signal'>,
  path: string,
  bytes: Buffer,
): Promise<void> {
  await quota.requireRoom(workspace, bytes.length, signal);
  await writeInside(workspace, path, bytes);
}

/** Bytes as text. Throws ReeveError `invalid_request` where they are not UTF-8 or contain NUL. */
export function asText(path: string, bytes: Buffer): string {
  if (bytes.includes(0) || !isUtf8(bytes)) {
    throw new ReeveError(
      'invalid_request',
      `${JSON.stringify(path)} is a binary file; only text in UTF-8 can be read and edited here`,
    );
  }
  return bytes.toString('utf8');
}
