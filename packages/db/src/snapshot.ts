import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, cp, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { listMigrations } from './migrate.ts';

/**
 * A migrated, empty embedded database kept beside the dependencies, since making one takes seconds and copying one
 * takes a tenth of one. Its name is a digest of the migrations and of PGlite's version, so it is never stale.
 */
export async function ensureSnapshot(): Promise<string> {
  const path = await snapshotPath();
  if (await exists(path)) return path;
  const { openPglite } = await import('./pglite.ts');
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await using database = await openPglite(draft);
    await database.db.destroy();
    await publish(draft, path);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return path;
}

/** Makes `directory` an embedded database, whole or not at all. Does nothing where there is one. */
export async function restoreSnapshot(directory: string): Promise<void> {
  if (await exists(directory)) return;
  const source = await ensureSnapshot();
  const draft = `${directory}.${randomBytes(6).toString('hex')}`;
  await mkdir(dirname(directory), { recursive: true });
  try {
    await cp(source, draft, { recursive: true, mode: constants.COPYFILE_FICLONE });
    await publish(draft, directory);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Two processes may make the same one at once; the first to be done stays. */
async function publish(draft: string, path: string): Promise<void> {
  await rename(draft, path).catch(async (error: unknown) => {
    if (!(await exists(path))) throw error;
  });
}

async function snapshotPath(): Promise<string> {
  const root = join(import.meta.dirname, '../../..');
  const pglite = JSON.parse(await readFile(join(dirname(import.meta.resolve('@electric-sql/pglite').replace('file://', '')), '../package.json'), 'utf8')) as { version: string };
  const digest = createHash('sha256').update(pglite.version);
  for (const { checksum } of listMigrations()) digest.update(checksum);
  return join(root, 'node_modules/.cache/reeve', `snapshot-${digest.digest('hex').slice(0, 16)}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
