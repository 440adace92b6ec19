import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ReeveError, settled, startWatching, type FileProblem, type Log } from '@reeve/kit';
import { readTextFile } from '@reeve/tools';
import { parseSkill, SKILL_FILE, type Skill } from './skill.ts';

/*
 * The skills that agents can have: those that come with Reeve, and those in the operator's folder, which take the place of one
 * of the same name. The folder is looked at again and again. For each skill of it:
 *
 *   absent ──appears──► good ──changes──► good
 *      │                good ──broken──► stale (what was good still holds) ──mended──► good
 *      └──broken──► broken ──mended──► good
 *   any ──its folder is gone──► absent
 */

/** The skills of this process. Disposing stops watching. */
export interface Skills extends AsyncDisposable {
  /** All that can be used, by name. */
  list(): readonly Skill[];
  get(name: string): Skill | undefined;
  /** What is wrong in the operator's folder, now. */
  problems(): readonly SkillProblem[];
}

/** What is wrong with a skill; `file` is its path in the operator's folder. */
export interface SkillProblem extends FileProblem {
  readonly file: string;
}

export interface SkillsOptions {
  /** The operator's folder; it need not be there. */
  readonly directory: string;
  readonly log: Log;
  /** Longest time between two looks, in milliseconds. */
  readonly lookMs?: number;
}

/** What there is of a skill in the operator's folder. */
interface Found {
  readonly sign: string;
  readonly skill: Skill | undefined;
  readonly problems: readonly FileProblem[];
}

/** The skills that come with Reeve. */
export const BUILTIN = join(import.meta.dirname, '../builtin');
const LOOK_MS = 2_000;
const MAX_SKILL_BYTES = 100 * 1024;
const MAX_SKILLS = 500;

/** Reads the skills that come with Reeve and those of the operator's folder, and watches that. A broken skill stops no other. */
export async function openSkills({ directory, log, lookMs = LOOK_MS }: SkillsOptions): Promise<Skills> {
  const builtin = await readFolders(BUILTIN, 'builtin', new Map());
  let own: ReadonlyMap<string, Found> = new Map();
  let all: ReadonlyMap<string, Skill> = new Map();
  const compose = () => {
    const skills = [...builtin.values(), ...own.values()].flatMap(({ skill }) => skill ?? []);
    all = new Map(
      skills.toSorted((one, other) => (one.name < other.name ? -1 : 1)).map((skill) => [skill.name, skill]),
    );
  };

  async function read(): Promise<void> {
    const before = own;
    own = await readFolders(directory, 'user', before);
    compose();
    for (const [folder, { sign, skill, problems }] of own) {
      const was = before.get(folder);
      if (was?.sign === sign) continue;
      const file = fileOf(folder);
      if (problems.length === 0) log.info({ skill: folder }, 'a skill was read');
      else
        log.error(
          { file: join(directory, file), problems: problems.map(({ line, message }) => `line ${line}: ${message}`) },
          skill === undefined ? 'a skill is broken and left out' : 'a skill is broken; what it said before holds',
        );
    }
    for (const folder of before.keys()) if (!own.has(folder)) log.info({ skill: folder }, 'a skill is gone');
  }

  await read();
  let seen = await signOf(directory);
  const watching = startWatching({
    directory,
    lookMs,
    what: 'the folder of skills',
    log,
    async look(signal) {
      if ((await signOf(directory)) === seen) return;
      const sign = await settled(() => signOf(directory), signal);
      await read();
      seen = sign;
    },
  });
  return {
    list: () => [...all.values()],
    get: (name) => all.get(name),
    problems: () =>
      [...own].flatMap(([folder, { problems }]) => problems.map((problem) => ({ file: fileOf(folder), ...problem }))),
    [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose](),
  };
}

/** Reads the folders of a directory that are not as they were; of one that is broken, what it said before is kept. */
async function readFolders(
  directory: string,
  source: Skill['source'],
  before: ReadonlyMap<string, Found>,
): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  for (const folder of await foldersIn(directory)) {
    const path = join(directory, folder);
    const sign = await signOfFile(join(path, SKILL_FILE));
    const was = before.get(folder);
    if (was?.sign === sign) found.set(folder, was);
    else found.set(folder, { sign, ...(await readSkill(path, folder, source, was?.skill)) });
  }
  return found;
}

async function readSkill(
  path: string,
  folder: string,
  source: Skill['source'],
  before: Skill | undefined,
): Promise<Omit<Found, 'sign'>> {
  try {
    const directory = await realpath(path);
    const parsed = parseSkill(folder, await readTextFile(directory, SKILL_FILE, MAX_SKILL_BYTES));
    if ('problems' in parsed) return { skill: before, problems: parsed.problems };
    return { skill: { ...parsed, source, folder: path, directory }, problems: [] };
  } catch (error) {
    // A file that is missing, a link that leads elsewhere, no right to read it.
    const message = error instanceof ReeveError ? error.message : 'it cannot be read';
    return { skill: before, problems: [{ line: 1, message }] };
  }
}

/** The folders of a directory by name, links to folders too; none where it is not there. Hidden ones are nobody's skills. */
async function foldersIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  const folders: string[] = [];
  for (const name of entries.filter((entry) => !entry.startsWith('.')).sort()) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found?.isDirectory() && folders.length < MAX_SKILLS) folders.push(name);
  }
  return folders;
}

/** What changes whenever a skill appears, changes or goes. */
async function signOf(directory: string): Promise<string> {
  const signs: string[] = [];
  for (const folder of await foldersIn(directory))
    signs.push(`${folder} ${await signOfFile(join(directory, folder, SKILL_FILE))}`);
  return signs.join('\n');
}

async function signOfFile(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? 'absent' : [found.ino, found.size, found.mtimeMs, found.ctimeMs].join(' ');
}

function fileOf(folder: string): string {
  return `${folder}/${SKILL_FILE}`;
}
