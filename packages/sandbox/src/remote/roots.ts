import { realpath } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { ReeveError } from '@reeve/kit';
import { findInside } from '../files/resolve-path.ts';
import type { Quota } from '../files/quota.ts';
import type { Workspaces } from '../files/workspaces.ts';

/*
 * A path on one machine means nothing on another. Both have roots: directories with a shared name, such as
 * `workspaces`, each at its own path. A directory is sent as the name of its root and the path below it.
 */

/** A directory by the name of its root, and the path below it; empty for the root itself. */
export interface RootedPath {
  readonly root: string;
  readonly path: string;
}

/** Roots of this machine: the directory of each name. */
export type Roots = Readonly<Record<string, string>>;

/** A root in which programs write. */
export interface WorkspaceRoot {
  /** The directory at a path below the root, created if missing. Throws `invalid_request` for an invalid path. */
  open(path: string): Promise<string>;
  readonly quota: Pick<Quota, 'allowance'>;
}

/** A directory for another machine. Throws `invalid_request` if it is below no root. */
export function toRootedPath(roots: Roots, directory: string): RootedPath {
  const found = Object.entries(roots)
    .map(([root, base]) => ({ root, path: relative(resolve(base), resolve(directory)) }))
    .filter(({ path }) => path !== '..' && !path.startsWith('../') && !isAbsolute(path))
    // The nearest root, if roots are nested.
    .sort((one, other) => one.path.length - other.path.length)[0];
  if (found !== undefined && isAbsolute(directory)) return found;
  throw new ReeveError(
    'invalid_request',
    `${JSON.stringify(directory)} is below no directory that the sandbox elsewhere has: ${Object.keys(roots).join(', ')}`,
  );
}

/** The workspaces below a root, which lie at `<tenant>/<session>`: nothing above them and nothing inside of one. */
export function workspaceRoot(workspaces: Pick<Workspaces, 'open' | 'quota'>): WorkspaceRoot {
  return {
    quota: workspaces.quota,
    async open(path) {
      const [tenantId = '', sessionId = '', ...more] = path.split('/');
      if (more.length > 0) throw new ReeveError('invalid_request', `${JSON.stringify(path)} is no workspace`);
      return workspaces.open(tenantId, sessionId);
    },
  };
}

/**
 * Where a directory to read is on this machine; undefined where it is not there, or where a link on the way leads out of its root,
 * which may be one itself. Throws `invalid_request` for an unknown root, and for a path that leads out of it.
 */
export async function fromRootedPath(roots: Roots, { root, path }: RootedPath): Promise<string | undefined> {
  const base = Object.hasOwn(roots, root) ? roots[root] : undefined;
  if (base === undefined) throw noRoot(root);
  if (path.startsWith('/') || path.includes('\0') || path.split('/').includes('..'))
    throw new ReeveError('invalid_request', `${JSON.stringify(path)} must be a path below ${root}`);
  const real = await realpath(base).catch(() => undefined);
  if (real === undefined) return undefined;
  try {
    await using place = await findInside(real, path === '' ? '.' : path);
    return place.exists && place.rest.length === 0 ? join(real, place.path) : undefined;
  } catch (error) {
    if (error instanceof ReeveError) return undefined;
    throw error;
  }
}

/** The root of a name among those in which programs write. */
export function workspaceRootOf(roots: Readonly<Record<string, WorkspaceRoot>>, name: string): WorkspaceRoot {
  const found = Object.hasOwn(roots, name) ? roots[name] : undefined;
  if (found === undefined) throw noRoot(name);
  return found;
}

function noRoot(name: string): ReeveError {
  return new ReeveError('invalid_request', `there is no directory ${JSON.stringify(name)} here for programs`);
}
