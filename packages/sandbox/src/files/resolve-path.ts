import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, opendir, readlink, type FileHandle } from 'node:fs/promises';
import { ReeveError } from '@reeve/kit';
import { isRoot } from './workspace.ts';

/**
 * Where a path inside a workspace leads, with every directory on the way held open. A command in the sandbox may swap
 * a directory for a link at any moment, so nothing here looks a path up twice: each name is opened in the open
 * directory before it (`/proc/self/fd/N/name`, in effect openat) and never through a link. Links are followed by
 * hand, so that one can only lead to another place inside.
 *
 * Without /proc (not Linux) directories are addressed by their path; no commands run in a workspace there.
 */
export interface ResolvedPath extends AsyncDisposable {
  /** Path from the workspace, after links; empty for the workspace itself. */
  readonly path: string;
  /** The last existing directory on the path. */
  readonly directory: OpenDirectory;
  /** The workspace itself. */
  readonly root: OpenDirectory;
  /** Names below `directory`: none for the directory itself, one for a file, more if directories are missing. */
  readonly rest: readonly string[];
  readonly exists: boolean;
}

/** A directory that is held open; `address` leads to it whatever happens to its path. */
export interface OpenDirectory {
  readonly handle: FileHandle;
  readonly address: string;
}

/** The path of the workspace as commands see it; accepted in paths and links. */
export const MOUNT_POINT = '/workspace';

const MAX_LINKS = 40;
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;
const hasProc = process.platform === 'linux';

/**
 * Finds a path inside a workspace. It may be relative, or absolute below `/workspace` or the workspace's own path.
 * Throws ReeveError `invalid_request` for anything that leads or would lead outside.
 */
export async function findInside(workspace: string, path: string): Promise<ResolvedPath> {
  const pending = split(workspace, path);
  const open: OpenDirectory[] = [await openDirectory(workspace)];
  const names: string[] = [];
  const place = (rest: readonly string[], exists: boolean): ResolvedPath => ({
    path: [...names, ...rest].join('/'),
    directory: open.at(-1)!,
    root: open[0]!,
    rest,
    exists,
    [Symbol.asyncDispose]: () => closeAll(open),
  });
  try {
    for (let links = 0, name = pending.shift(); name !== undefined; name = pending.shift()) {
      if (name === '..') {
        if (open.length === 1) throw outside(path);
        await open.pop()!.handle.close();
        names.pop();
        continue;
      }
      const address = `${open.at(-1)!.address}/${name}`;
      const kind = await kindOf(address, path);
      if (kind === 'missing') {
        if (pending.includes('..')) throw outside(path);
        return place([name, ...pending], false);
      }
      if (kind === 'directory') {
        open.push(await openDirectory(address, path));
        names.push(name);
      } else if (kind === 'link') {
        if (++links > MAX_LINKS) throw refuse(path, 'goes through too many links');
        const target = await readlink(address).catch((error: unknown) => fail(path, error));
        if (target.startsWith('/')) {
          await closeAll(open.splice(1));
          names.length = 0;
        }
        pending.unshift(...namesBelow(workspace, path, target));
      } else {
        if (pending.length > 0) throw refuse(path, `goes through ${name}, which is not a directory`);
        return place([name], true);
      }
    }
    return place([], true);
  } catch (error) {
    await closeAll(open);
    throw error;
  }
}

/** Makes the directories that a place lacks, so that only its last name is left below `directory`. */
export async function makeParents(
  place: ResolvedPath,
): Promise<{ directory: OpenDirectory; name: string } & AsyncDisposable> {
  const made: OpenDirectory[] = [];
  let directory = place.directory;
  try {
    for (const name of place.rest.slice(0, -1)) {
      const address = `${directory.address}/${name}`;
      await mkdir(address, { mode: 0o755 }).catch(
        (error: NodeJS.ErrnoException) => error.code === 'EEXIST' || fail(place.path, error),
      );
      directory = await openDirectory(address, place.path);
      made.push(directory);
      await giveToOwner(directory.handle, place);
    }
  } catch (error) {
    await closeAll(made);
    throw error;
  }
  return { directory, name: place.rest.at(-1)!, [Symbol.asyncDispose]: () => closeAll(made) };
}

/** Gives a file that root created to the workspace’s owner, so that commands can change it too. */
export async function giveToOwner(handle: FileHandle, place: ResolvedPath): Promise<void> {
  if (!isRoot()) return;
  const { uid, gid } = await place.root.handle.stat();
  await handle.chown(uid, gid);
}

/** An entry of a directory as it is named, in bytes: a program may give names that are no text. */
export interface RawEntry {
  /** The entry’s path through the open directory. */
  readonly address: Buffer;
  readonly isDirectory: boolean;
}

/** The entries of an open directory, whatever they are called. */
export async function* entriesOf(directory: OpenDirectory): AsyncGenerator<RawEntry, void> {
  const above = Buffer.from(`${directory.address}/`);
  for await (const entry of await opendir(directory.address, { encoding: 'buffer' as BufferEncoding })) {
    const name = entry.name as unknown as Buffer;
    yield { address: Buffer.concat([above, name]), isDirectory: entry.isDirectory() };
  }
}

/** Opens a directory that must not be a link. */
export async function openDirectory(address: string | Buffer, path = String(address)): Promise<OpenDirectory> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const handle = await open(address, flags).catch((error: unknown) => fail(path, error));
  return { handle, address: hasProc ? `/proc/self/fd/${handle.fd}` : String(address) };
}

/** A name for a file that is about to take another's place. */
export function temporaryName(): string {
  return `.reeve-${randomBytes(9).toString('base64url')}.tmp`;
}

/** A file system error as the caller's own, with the path as the caller wrote it. */
export function fail(path: string, error: unknown): never {
  if (error instanceof ReeveError) throw error;
  const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
  if (reason === undefined) throw error;
  throw refuse(path, reason, error);
}

export function refuse(path: string, why: string, cause?: unknown): ReeveError {
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  return new ReeveError('invalid_request', `${JSON.stringify(shown)} ${why}`, cause === undefined ? {} : { cause });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'cannot be opened: permission denied',
  EPERM: 'cannot be opened: permission denied',
  EISDIR: 'is a directory',
  ENOTDIR: 'changed while it was opened; try again',
  ELOOP: 'changed while it was opened; try again',
  EINVAL: 'changed while it was opened; try again',
  EEXIST: 'changed while it was opened; try again',
  ENXIO: 'is not a regular file',
  ENAMETOOLONG: 'is too long',
  ENOSPC: 'cannot be written: the disk is full',
  EDQUOT: 'cannot be written: the disk is full',
};

function outside(path: string): ReeveError {
  return refuse(path, 'leads outside the workspace; give a path inside it, such as "notes/today.md"');
}

function split(workspace: string, path: string): string[] {
  if (path === '') throw refuse(path, 'is empty; give a path inside the workspace, such as "notes/today.md"');
  if (path.includes('\0')) throw refuse(path, 'contains a NUL character');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw refuse(path, `is longer than ${MAX_PATH_BYTES} bytes`);
  const names = namesBelow(workspace, path, path);
  if (names.includes('..')) throw refuse(path, 'contains ".."; give a path inside the workspace without it');
  if (names.some((name) => Buffer.byteLength(name) > MAX_NAME_BYTES))
    throw refuse(path, `has a name longer than ${MAX_NAME_BYTES} bytes`);
  return names;
}

/** The names of a path below the workspace. */
function namesBelow(workspace: string, path: string, target: string): string[] {
  let inside = target;
  if (target.startsWith('/')) {
    const base = [MOUNT_POINT, workspace].find(
      (candidate) => target === candidate || target.startsWith(`${candidate}/`),
    );
    if (base === undefined) throw outside(path);
    inside = target.slice(base.length);
  }
  return inside.split('/').filter((name) => name !== '' && name !== '.');
}

async function kindOf(address: string, path: string): Promise<'missing' | 'directory' | 'link' | 'other'> {
  try {
    const stat = await lstat(address);
    return stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : 'other';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    return fail(path, error);
  }
}

async function closeAll(open: readonly OpenDirectory[]): Promise<void> {
  for (const { handle } of open) await handle.close();
}
