// Makes what the server and the tests find ready made: the console's files and the migrated, empty database. Both are
// made again only when what they are made of has changed, so that a start with nothing to do costs one Node start.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const cache = join(root, 'node_modules/.cache/reeve');
const consoleSources = [
  'packages/console/{index.html,vite.config.ts,postcss.config.*,package.json}',
  'packages/console/{src,public}/**/*',
  'packages/{contract,client}/src/**/*',
];

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  try {
    if (values.only !== 'snapshot') prepareConsole();
    await prepareSnapshot();
  } catch (error) {
    console.error(error instanceof Error ? `reeve: ${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Builds `packages/console/dist` where it is missing or older than its sources. Throws with Vite's output if it fails. */
export function prepareConsole(): void {
  const home = join(root, 'packages/console');
  const dist = join(home, 'dist');
  const digest = digestOf(consoleSources);
  if (readText(join(dist, '.stamp')) === digest) return;
  process.stderr.write('reeve: building the console …\n');
  const draft = join(cache, `console-${process.pid}`);
  try {
    const vite = join(dirname(createRequire(join(home, 'package.json')).resolve('vite/package.json')), 'bin/vite.js');
    const args = [vite, 'build', '--outDir', draft, '--emptyOutDir', '--logLevel', 'warn'];
    const built = spawnSync(process.execPath, args, { cwd: home, encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`the console cannot be built:\n${built.stdout}${built.stderr}`);
    writeFileSync(join(draft, '.stamp'), digest);
    replaceDirectory(draft, dist, digest);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Makes the cached database that new data directories and tests are copied from, where there is none for these migrations. */
export async function prepareSnapshot(): Promise<void> {
  const note = join(cache, 'snapshot.json');
  const digest = digestOf(['packages/db/migrations/*', 'packages/db/src/{migrate,snapshot,pglite}.ts']);
  const last = JSON.parse(readText(note) || '{}') as { digest?: string; path?: string };
  if (last.digest === digest && last.path !== undefined && existsSync(last.path)) return;
  const { ensureSnapshot } = await import('@reeve/db');
  const path = await ensureSnapshot();
  mkdirSync(cache, { recursive: true });
  writeFileSync(note, JSON.stringify({ digest, path }));
}

function digestOf(patterns: string[]): string {
  const digest = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
  const entries = globSync(patterns, { cwd: root, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name),
  );
  for (const path of entries.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    digest.update(path.slice(root.length)).update('\0').update(readFileSync(path)).update('\0');
  }
  return digest.digest('hex');
}

// Two processes may build at once: the one that comes second finds the same files in place.
function replaceDirectory(draft: string, path: string, digest: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
    renameSync(draft, path);
  } catch (error) {
    if (readText(join(path, '.stamp')) !== digest) throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
