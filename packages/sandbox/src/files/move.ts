import { lstat, rename, unlink } from 'node:fs/promises';
import { fail, findInside, makeParents, refuse, type ResolvedPath } from './resolve-path.ts';

/** Whether anything has a path inside a workspace. Throws `invalid_request` for a path that leads outside. */
export async function existsInside(workspace: string, path: string): Promise<boolean> {
  await using place = await findInside(workspace, path);
  return place.exists;
}

/** Removes a regular file of a workspace; a link is followed inside it. Throws `invalid_request` for anything else. */
export async function removeInside(workspace: string, path: string): Promise<void> {
  await using place = await findInside(workspace, path);
  await unlink(await regularFile(place, path)).catch((error: unknown) => fail(path, error));
}

/**
 * Gives a regular file of a workspace another path; missing directories are made. Throws `invalid_request` where there is no
 * such file, and where something has that path already.
 */
export async function renameInside(workspace: string, from: string, to: string): Promise<void> {
  await using source = await findInside(workspace, from);
  const file = await regularFile(source, from);
  await using target = await findInside(workspace, to);
  if (target.exists) throw refuse(to, 'exists already');
  await using parent = await makeParents(target);
  await rename(file, `${parent.directory.address}/${parent.name}`).catch((error: unknown) => fail(to, error));
}

/** Where a file is in the directory that is held open. */
async function regularFile(place: ResolvedPath, path: string): Promise<string> {
  if (!place.exists) throw refuse(path, 'does not exist');
  const [name] = place.rest;
  if (name === undefined) throw refuse(path, 'is a directory');
  const address = `${place.directory.address}/${name}`;
  const stat = await lstat(address).catch((error: unknown) => fail(path, error));
  if (!stat.isFile()) throw refuse(path, 'is not a regular file');
  return address;
}
