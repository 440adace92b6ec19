import { constants } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ReeveError } from '@reeve/kit';

/** The uid and gid of commands if Reeve runs as root: "nobody". */
export const SANDBOX_UID = 65534;

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * Creates a session's workspace if it is missing and returns its absolute path. Other users cannot enter it or list the
 * directories above it. If Reeve runs as root, it belongs to the user of the commands. Throws ReeveError
 * `invalid_request` if an ID cannot be a directory name.
 */
export async function workspacePath(root: string, tenantId: string, sessionId: string): Promise<string> {
  requirePlainName('tenant id', tenantId);
  requirePlainName('session id', sessionId);
  const tenant = join(root, tenantId);
  const workspace = join(tenant, sessionId);
  // As root the directories above must let the other user through, though not list them.
  const above = isRoot() ? 0o711 : 0o700;
  await mkdir(root, { recursive: true });
  await secureDirectory(root, above);
  await secureDirectory(tenant, above);
  await secureDirectory(workspace, 0o700);
  if (isRoot()) await giveToSandbox(workspace);
  return workspace;
}

/** Throws `invalid_request` if an ID cannot be a directory name. */
export function requirePlainName(what: string, id: string): void {
  if (ID.test(id)) return;
  throw new ReeveError(
    'invalid_request',
    `the ${what} must be 1 to 128 letters, digits, ., - and _, beginning with a letter or digit`,
  );
}

/** True where this process is root, and so must hand its rights down before it starts anything hostile. */
export function isRoot(): boolean {
  return process.getuid?.() === 0 || process.geteuid?.() === 0;
}

/** Gives a workspace owned by root to the user of the commands. */
export async function makeWritable(workspace: string): Promise<void> {
  if (isRoot() && (await stat(workspace)).uid === 0) await giveToSandbox(workspace);
}

/** Makes the user that commands run as the owner of a directory. */
async function giveToSandbox(directory: string): Promise<void> {
  await using handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  await handle.chown(SANDBOX_UID, SANDBOX_UID);
}

async function secureDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path, { mode }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await using handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  await handle.chmod(mode);
}
