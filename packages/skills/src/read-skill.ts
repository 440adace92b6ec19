import { ReeveError } from '@reeve/kit';
import { listInside } from '@reeve/sandbox';
import { defineTool, readTextFile, success, type Tool } from '@reeve/tools';
import { z } from 'zod';
import { SKILL_FILE } from './skill.ts';
import type { Skills } from './skills-open.ts';

/** What an agent reads its skills with. */
export const READ_SKILL = 'read_skill';

const MAX_FILE_BYTES = 200 * 1024;
const MAX_ENTRIES = 1_000;
const MAX_LISTED = 200;

/** Reads the instructions of a skill, or another file of its folder. In a run only the skills that its agent has. */
export const readSkill = (skills: Skills): Tool =>
  defineTool({
    name: READ_SKILL,
    description:
      'Reads a skill: without `path` its instructions and the names of the other files in its folder, with `path` one of those files. At most 200 KiB of text.',
    effect: 'none',
    timeoutMs: 30_000,
    input: z.strictObject({
      name: z.string().min(1).max(100).describe('Name of the skill.'),
      path: z
        .string()
        .min(1)
        .max(4096)
        .refine(isRelative, 'must be a path inside the folder of the skill, without ".."')
        .optional()
        .describe('A file of its folder, such as "references/format.md".'),
    }),
    async execute({ name, path }, { skills: had, signal }) {
      const names = skills
        .list()
        .flatMap((skill) => (had === undefined || had.includes(skill.name) ? [skill.name] : []));
      const skill = names.includes(name) ? skills.get(name) : undefined;
      if (skill === undefined) {
        const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
        throw new ReeveError('invalid_request', `there is no skill ${JSON.stringify(name)}; ${known}`);
      }
      if (path !== undefined && path !== SKILL_FILE)
        return success({ name, path, content: await readTextFile(skill.directory, path, MAX_FILE_BYTES) });
      const { paths, complete } = await listInside(skill.directory, { maxEntries: MAX_ENTRIES, signal });
      const files = paths.filter((file) => file !== SKILL_FILE);
      return success({
        name,
        instructions: skill.body,
        files: files.slice(0, MAX_LISTED),
        ...((files.length > MAX_LISTED || !complete) && { note: 'there are more files than are listed' }),
      });
    },
  });

function isRelative(path: string): boolean {
  return !path.startsWith('/') && !path.split('/').includes('..');
}
