import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_DOCUMENT_BYTES } from '@reeve/contract';
import { canRead } from '@reeve/documents';

/** A file that came to nothing, and why. */
export interface FileFailure {
  readonly file: string;
  readonly message: string;
}

/** What a folder holds that can be read. */
export interface Folder {
  readonly files: readonly string[];
  /** SHA-256 by file; a file that is not there has failed. */
  readonly contents: ReadonlyMap<string, string>;
  /** Folders in it that could not be listed: nobody knows whether their files are still there. */
  readonly unlisted: readonly FileFailure[];
  readonly failed: readonly FileFailure[];
  readonly skipped: number;
}

/** Reads a folder again and again; a file that looks as it did is not read anew. */
export interface FolderReader {
  /** Throws where the folder itself cannot be listed. */
  read(signal: AbortSignal): Promise<Folder>;
}

export function createFolderReader(directory: string): FolderReader {
  /** What is known of files by what they looked like, so that only changed ones are read again. */
  const looked = new Map<string, { readonly sign: string; readonly sha256: string }>();

  async function read(signal: AbortSignal): Promise<Folder> {
    const unlisted: FileFailure[] = [];
    const all = (await filesBelow(directory, '', unlisted)).sort();
    const files = all.filter(canRead);
    const contents = new Map<string, string>();
    const failed = [...unlisted];
    for (const file of files) {
      signal.throwIfAborted();
      try {
        contents.set(file, await digestOf(file));
      } catch (error) {
        failed.push({ file, message: (error as Error).message });
      }
    }
    return { files, contents, unlisted, failed, skipped: all.length - files.length };
  }

  async function digestOf(file: string): Promise<string> {
    const path = join(directory, file);
    const { size, mtimeMs, ctimeMs, ino } = await stat(path);
    if (size > MAX_DOCUMENT_BYTES) throw new Error(`has ${size} bytes, more than ${MAX_DOCUMENT_BYTES}`);
    // Files of one size that were written together and have changed places differ by the rest only.
    const sign = [size, mtimeMs, ctimeMs, ino].join(' ');
    const before = looked.get(file);
    if (before?.sign === sign) return before.sha256;
    const sha256 = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    looked.set(file, { sign, sha256 });
    return sha256;
  }

  return { read };
}

/** True for a file of a folder that could not be read: nobody knows whether it is still there. */
export function isBelow(file: string, unlisted: readonly FileFailure[]): boolean {
  return unlisted.some((folder) => file.startsWith(`${folder.file}/`));
}

/**
 * Paths of the files below a directory, with `/` between names. What is hidden, linked or installed is left out; a folder in it
 * that cannot be read is `failed`. Throws where that is the directory itself.
 */
async function filesBelow(directory: string, below: string, failed: FileFailure[]): Promise<string[]> {
  const files: string[] = [];
  const entries = await readdir(join(directory, below), { withFileTypes: true }).catch((error: Error) => {
    if (below === '') throw error;
    failed.push({ file: below, message: error.message });
    return [];
  });
  for (const entry of entries) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) files.push(...(await filesBelow(directory, path, failed)));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}
