import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TOOL_NAME, type ExtensionFile } from './extension.ts';

/** What there is in the operator's folder. */
export interface Folder {
  readonly extensions: readonly ExtensionFile[];
  /** Files that look like extensions and cannot be any. */
  readonly problems: readonly ExtensionProblem[];
}

/** What is wrong with a file of the folder. */
export interface ExtensionProblem {
  readonly file: string;
  readonly message: string;
}

/** Files of one extension, or shared by several, that are looked at for changes. */
const MAX_FILES = 1_000;
const MAX_DEPTH = 8;

/**
 * Looks at a folder, which need not be there. A file `<name>.ts`, or a folder with an `index.ts`, is an extension; what begins
 * with `_` or `.`, tests, declarations and other folders are what extensions may share.
 */
export async function readFolder(directory: string): Promise<Folder> {
  const entries = (await entriesOf(directory)).toSorted((one, other) => (one.name < other.name ? -1 : 1));
  const extensions: ExtensionFile[] = [];
  const problems: ExtensionProblem[] = [];
  const shared: string[] = [];
  for (const { name: entry, isDirectory } of entries) {
    const found = await extensionAt(directory, entry, isDirectory);
    if (found === undefined) {
      shared.push(...(await signsOf(directory, entry, isDirectory, 0)));
      continue;
    }
    const { name, file } = found;
    if (!TOOL_NAME.test(name)) {
      const message = `${name} cannot be the name of a tool: it must begin with a letter and be at most 64 letters, digits, _ and -`;
      problems.push({ file, message });
    } else if (extensions.some((other) => other.name === name))
      problems.push({ file, message: `there is another file for the tool ${name}` });
    else extensions.push({ name, file, sign: (await signsOf(directory, entry, isDirectory, 0)).join('\n') });
  }
  const common = shared.join('\n');
  return { extensions: extensions.map((found) => ({ ...found, sign: `${found.sign}\n\n${common}` })), problems };
}

/** What changes whenever anything in a folder does. */
export function signOf({ extensions, problems }: Folder): string {
  return JSON.stringify([extensions.map(({ file, sign }) => [file, sign]), problems]);
}

async function extensionAt(
  directory: string,
  entry: string,
  isDirectory: boolean,
): Promise<Pick<ExtensionFile, 'name' | 'file'> | undefined> {
  if (/^[._]|^node_modules$|\.(d|test)\.ts$/.test(entry)) return undefined;
  if (!isDirectory) return entry.endsWith('.ts') ? { name: entry.slice(0, -'.ts'.length), file: entry } : undefined;
  const index = await stat(join(directory, entry, 'index.ts')).catch(() => undefined);
  return index?.isFile() ? { name: entry, file: `${entry}/index.ts` } : undefined;
}

/** A line for each file, without those that were installed or are hidden. */
async function signsOf(directory: string, entry: string, isDirectory: boolean, depth: number): Promise<string[]> {
  if (entry === 'node_modules' || entry.startsWith('.')) return [];
  const path = join(directory, entry);
  if (!isDirectory) {
    const found = await stat(path).catch(() => undefined);
    return [[entry, found?.ino, found?.size, found?.mtimeMs, found?.ctimeMs].join(' ')];
  }
  const signs: string[] = [];
  if (depth < MAX_DEPTH)
    for (const below of await entriesOf(path)) {
      if (signs.length >= MAX_FILES) break;
      for (const sign of await signsOf(path, below.name, below.isDirectory, depth + 1)) signs.push(`${entry}/${sign}`);
    }
  return signs;
}

async function entriesOf(directory: string): Promise<{ name: string; isDirectory: boolean }[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
