import { constants } from 'node:fs';
import { lstat, open, opendir, rename, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { ReeveError } from '@reeve/kit';
import {
  fail,
  findInside,
  giveToOwner,
  makeParents,
  openDirectory,
  refuse,
  temporaryName,
  type OpenDirectory,
} from './resolve-path.ts';

/**
 * The absolute path on the host to which a path inside a workspace leads, after links; it need not exist. A command may
 * change it at any moment, so open files with `openInside` or `writeInside`, never by this path. Throws ReeveError
 * `invalid_request` for paths that lead outside.
 */
export async function resolveInside(workspace: string, path: string): Promise<string> {
  await using place = await findInside(workspace, path);
  return join(workspace, place.path);
}

/** Opens a regular file of a workspace for reading; the caller closes it. Throws `invalid_request` for anything else. */
export async function openInside(workspace: string, path: string): Promise<FileHandle> {
  await using place = await findInside(workspace, path);
  if (!place.exists) throw refuse(path, 'does not exist');
  const [name] = place.rest;
  if (name === undefined) throw refuse(path, 'is a directory');
  // O_NONBLOCK: opening a named pipe without a writer must not block a thread.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(`${place.directory.address}/${name}`, flags).catch((error: unknown) => fail(path, error));
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw refuse(path, 'is not a regular file');
}

/**
 * Writes a file of a workspace atomically: a reader sees the old or the new content. Missing directories are created, a
 * link is followed inside the workspace, an existing file keeps its permissions.
 */
export async function writeInside(
  workspace: string,
  path: string,
  data: Buffer | AsyncIterable<Uint8Array>,
): Promise<void> {
  await using place = await findInside(workspace, path);
  if (place.rest.length === 0) throw refuse(path, 'is a directory');
  await using parent = await makeParents(place);
  const target = `${parent.directory.address}/${parent.name}`;
  const mode = place.exists ? await modeOf(target, path) : 0o644;
  const temporary = `${parent.directory.address}/${temporaryName()}`;
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    await using handle = await open(temporary, flags, 0o600);
    await handle.writeFile(data);
    await giveToOwner(handle, place);
    await handle.chmod(mode);
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    fail(path, error);
  }
}

/** An entry in a directory of a workspace. */
export interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  /** In bytes; for a link or directory the file system’s figure. */
  readonly size: number;
  readonly modifiedAt: Date;
}

/** Entries of a directory that are counted; beyond it the list is cut. */
const MAX_ENTRIES = 10_000;

/**
 * A part of a directory, `''` for the workspace itself: directories first, then by name. The total counts up to 10,000. Throws
 * `invalid_request` for anything but a directory inside.
 */
export async function readDirectoryInside(
  workspace: string,
  path: string,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<{ entries: Entry[]; total: number }> {
  await using place = await findInside(workspace, path === '' ? '.' : path);
  if (!place.exists) throw refuse(path, 'does not exist');
  if (place.rest.length > 0) throw refuse(path, 'is not a directory');
  const { address } = place.directory;
  const found: { name: string; isDirectory: boolean }[] = [];
  for await (const entry of await opendir(address)) {
    if (found.length === MAX_ENTRIES) break;
    found.push({ name: entry.name, isDirectory: entry.isDirectory() });
  }
  found.sort((one, other) => Number(other.isDirectory) - Number(one.isDirectory) || (one.name < other.name ? -1 : 1));
  const entries: Entry[] = [];
  for (const { name } of found.slice(offset, offset + limit)) {
    const stat = await lstat(`${address}/${name}`).catch(() => undefined);
    // An entry that vanished meanwhile is omitted.
    if (stat === undefined) continue;
    const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : 'other';
    entries.push({ name, kind, size: stat.size, modifiedAt: stat.mtime });
  }
  return { entries, total: found.length };
}

export interface ListOptions {
  /** Most entries to list; a longer list is truncated and marked. */
  readonly maxEntries: number;
  readonly signal: AbortSignal;
}

/** The regular files of a workspace, as sorted paths from it. Links are not followed and not listed. */
export async function listInside(
  workspace: string,
  options: ListOptions,
): Promise<{ paths: string[]; complete: boolean }> {
  const paths: string[] = [];
  let left = options.maxEntries;
  let leftBytes = MAX_LIST_BYTES;
  let complete = true;
  let isCut = false;
  const visit = async (directory: OpenDirectory, prefix: string, depth: number): Promise<void> => {
    const below: string[] = [];
    for await (const entry of await opendir(directory.address)) {
      if (options.signal.aborted) throw new ReeveError('cancelled', 'the run was cancelled');
      if (left-- <= 0) complete = false;
      if (!complete) return;
      const length = prefix.length + entry.name.length;
      // Tools cannot address longer paths.
      if (length > MAX_PATH_LENGTH) isCut = true;
      else if (entry.isFile()) {
        if ((leftBytes -= length) < 0) return void (complete = false);
        paths.push(prefix + entry.name);
      } else if (entry.isDirectory()) below.push(entry.name);
    }
    if (depth >= MAX_DEPTH) {
      complete &&= below.length === 0;
      return;
    }
    for (const name of below) {
      // A directory that vanished meanwhile, or that cannot be entered, is left out.
      const next = await openDirectory(`${directory.address}/${name}`).catch(() => undefined);
      if (next === undefined) continue;
      await using _held = next.handle;
      await visit(next, `${prefix}${name}/`, depth + 1);
    }
  };
  const root = await openDirectory(workspace);
  await using _held = root.handle;
  await visit(root, '', 0);
  return { paths: paths.sort(), complete: complete && !isCut };
}

const MAX_DEPTH = 64;
const MAX_PATH_LENGTH = 4096;
/** Of all paths together, in characters. */
const MAX_LIST_BYTES = 32 * 1024 * 1024;

async function modeOf(target: string, path: string): Promise<number> {
  const stat = await lstat(target).catch((error: unknown) => fail(path, error));
  if (!stat.isFile()) throw refuse(path, 'is not a regular file');
  return stat.mode & 0o777;
}
