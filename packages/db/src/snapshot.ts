import { createHash, randomBytes } from 'node:crypto';
import { constants, cpSync } from 'node:fs';
import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listMigrations } from './migrate.ts';
import { VECTORS } from './vectors.ts';

/** Where snapshots are kept: beside the dependencies. */
const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/reeve');

/**
 * The path of a migrated, empty embedded database, made where it is missing, since making one takes seconds and copying
 * one takes a tenth of one. Its name is a digest of the migrations and of PGlite's version and its extension's, so it is never stale.
 */
export async function ensureSnapshot(cache = CACHE): Promise<string> {
  const path = join(cache, await snapshotName());
  if (await exists(path)) return path;
  const { openPglite } = await import('./pglite.ts');
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await (await openPglite(draft))[Symbol.asyncDispose]();
    await publish(draft, path);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return path;
}

/** Makes `directory` an embedded database, whole or not at all. Does nothing where there is one. */
export async function restoreSnapshot(directory: string, cache = CACHE): Promise<void> {
  if (await exists(directory)) return;
  const source = await ensureSnapshot(cache);
  const draft = `${directory}.${randomBytes(6).toString('hex')}`;
  await mkdir(dirname(directory), { recursive: true });
  try {
    // In one go: the asynchronous one takes ten times as long for a thousand small files, and nothing else is to be done yet.
    cpSync(source, draft, { recursive: true, mode: constants.COPYFILE_FICLONE });
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

async function snapshotName(): Promise<string> {
  const digest = createHash('sha256');
  for (const name of ['@electric-sql/pglite', '@electric-sql/pglite-pgvector']) {
    const root = join(fileURLToPath(import.meta.resolve(name)), '../..');
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    digest.update(`${name} ${version} `);
  }
  digest.update(VECTORS);
  for (const { checksum } of listMigrations()) digest.update(checksum);
  return `snapshot-${digest.digest('hex').slice(0, 16)}`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
