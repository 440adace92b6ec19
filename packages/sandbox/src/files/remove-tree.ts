import { constants } from 'node:fs';
import { chmod, open, rename, rmdir, unlink } from 'node:fs/promises';
import { ReeveError } from '@reeve/kit';
import { entriesOf, openDirectory, temporaryName, type OpenDirectory } from './resolve-path.ts';

/** How long it may take: a program may be adding to it all the while. */
const REMOVAL_MS = 300_000;
/** Of Linux; Node does not name it. */
const O_PATH = 0x20_0000;

/**
 * Removes a directory tree, whatever a program created there or changes meanwhile: no link is followed, and at most two
 * directories are open at any depth, since entries are moved up first. Throws ReeveError `unavailable` if it does not
 * become empty.
 */
export async function removeTree(path: string): Promise<void> {
  const deadline = performance.now() + REMOVAL_MS;
  const root = await openAnyway(path);
  {
    await using _held = root.handle;
    while (!(await removeEntries(root, root, deadline)));
  }
  await rmdir(path);
}

/** Removes the entries of a directory, moving subdirectories’ entries to the root. True if it was empty. */
async function removeEntries(root: OpenDirectory, directory: OpenDirectory, deadline: number): Promise<boolean> {
  let isEmpty = true;
  for await (const { address, isDirectory } of entriesOf(directory)) {
    isEmpty = false;
    if (performance.now() > deadline) throw new ReeveError('unavailable', 'a directory does not become empty');
    if (!isDirectory) await unlink(address).catch(ignoreChange);
    else if (directory === root) await dissolve(root, address, deadline).catch(ignoreChange);
    else await moveUp(root, address).catch(ignoreChange);
  }
  return isEmpty;
}

/** Empties and removes one directory of the root; entries added meanwhile are left to the next round. */
async function dissolve(root: OpenDirectory, address: Buffer, deadline: number): Promise<void> {
  {
    const directory = await openAnyway(address);
    await using _held = directory.handle;
    await removeEntries(root, directory, deadline);
  }
  await rmdir(address);
}

async function moveUp(root: OpenDirectory, address: Buffer): Promise<void> {
  const target = `${root.address}/${temporaryName()}`;
  try {
    await rename(address, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    // Moving a directory changes it, too.
    await permit(address);
    await rename(address, target);
  }
}

/** Opens a directory that must not be a link, and restores its owner’s permissions. */
async function openAnyway(address: string | Buffer): Promise<OpenDirectory> {
  const directory = await openDirectory(address).catch(async () => {
    await permit(address);
    return openDirectory(address);
  });
  // Entries can be removed only from a writable directory.
  await chmod(directory.address, 0o700);
  return directory;
}

/** Gives the owner every right to a directory, through a descriptor of the directory itself. */
async function permit(address: string | Buffer): Promise<void> {
  if (process.platform !== 'linux') return chmod(address, 0o700);
  await using handle = await open(address, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  await chmod(`/proc/self/fd/${handle.fd}`, 0o700);
}

/** Entries that vanished or changed are left to the next round. */
function ignoreChange(error: unknown): void {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof ReeveError && error.reason === 'invalid_request') return;
  if (!['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENOTEMPTY', 'EEXIST'].includes(code ?? '')) throw error;
}
