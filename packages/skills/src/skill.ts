import { readYaml, type FileProblem } from '@reeve/kit';
import type { ReadOnlyDirectory } from '@reeve/sandbox';
import { z } from 'zod';

/*
 * A skill is a folder with a file SKILL.md: front matter in YAML, then instructions in Markdown, by the Agent Skills format
 * (agentskills.io). A model is told of name and description, and reads the rest where it needs it.
 */

/** A skill as its folder says it. */
export interface Skill {
  readonly name: string;
  readonly description: string;
  readonly license: string | null;
  readonly compatibility: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Shown, not enforced: what an agent may call its own configuration says. */
  readonly allowedTools: readonly string[];
  /** The instructions. */
  readonly body: string;
  readonly source: 'builtin' | 'user';
  /** Absolute path on the host. */
  readonly directory: string;
  /** The same as it is found in the folder of skills, where it may be a link. */
  readonly folder: string;
}

/** What its file says, without where it lies. */
export type SkillText = Omit<Skill, 'source' | 'directory' | 'folder'>;

export const SKILL_FILE = 'SKILL.md';

/** Where programs find the folders of skills. */
const MOUNT_POINT = '/skills';

const MAX_NAME = 64;
const MAX_DESCRIPTION = 1_024;
const MAX_COMPATIBILITY = 500;

const Text = z.string({ error: ({ input }) => (input === undefined ? 'is missing' : 'must be text') });
const FrontMatter = z.strictObject({
  name: Text.max(MAX_NAME, `must be at most ${MAX_NAME} characters`).regex(
    /^[a-z0-9]+(-[a-z0-9]+)*$/,
    'must be lower-case letters and digits, with single - between them',
  ),
  description: Text.max(MAX_DESCRIPTION, `must be at most ${MAX_DESCRIPTION} characters`).regex(
    /\S/,
    'must say what the skill does and when it is of use',
  ),
  license: Text.optional(),
  compatibility: Text.min(1, 'must not be empty')
    .max(MAX_COMPATIBILITY, `must be at most ${MAX_COMPATIBILITY} characters`)
    .optional(),
  metadata: z
    .record(z.string(), z.string('must be text; put it in quotes'), 'must be a mapping of names to texts')
    .optional(),
  'allowed-tools': Text.optional(),
});
const FIELDS = Object.keys(FrontMatter.shape).join(', ');

/** Reads the text of a SKILL.md, or tells everything that is wrong with it, in the order of its lines. */
export function parseSkill(folder: string, text: string): SkillText | { readonly problems: readonly FileProblem[] } {
  const parts = /^\uFEFF?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n(.*))?$/ms.exec(text);
  if (parts === null)
    return { problems: [{ line: 1, message: 'it must begin with front matter: YAML between two lines of ---' }] };
  const { value, problems, lineOf } = readYaml(parts[1]!);
  // The front matter begins in the second line.
  const at = (line: number) => line + 1;
  if (problems.length > 0) return { problems: problems.map(({ line, message }) => ({ line: at(line), message })) };
  const parsed = FrontMatter.safeParse(value ?? {});
  if (!parsed.success)
    return {
      problems: parsed.error.issues
        .flatMap((issue) => explain(issue).map(({ path, message }) => ({ line: at(lineOf(path)), message })))
        .sort((one, other) => one.line - other.line),
    };
  const { name, description, license = null, compatibility = null, metadata = {}, ...rest } = parsed.data;
  if (name !== folder)
    return {
      problems: [
        { line: at(lineOf(['name'])), message: `name: must be ${folder}, as the folder is called, not ${name}` },
      ],
    };
  return {
    name,
    description: description.replace(/\s+/g, ' ').trim(),
    license,
    compatibility,
    metadata,
    allowedTools: (rest['allowed-tools'] ?? '').split(/\s+/).filter((tool) => tool !== ''),
    body: (parts[2] ?? '').trim(),
  };
}

/** What a model is told of skills, at the end of the system prompt; empty where there are none. */
export function promptOf(skills: readonly Skill[]): string {
  if (skills.length === 0) return '';
  const lines = skills.map(({ name, description }) => `- ${name}: ${description}`);
  return `# Skills
A skill is a set of instructions for one kind of work, given to you by those who run you. Where what you are asked for fits a skill, read it with read_skill before you begin, then follow it. Other files of its folder are read with the path argument of read_skill; programs that you run see the folder read-only at ${MOUNT_POINT}/<name>. You have these skills:
${lines.join('\n')}`;
}

/** The folders of skills as programs see them. */
export function foldersOf(skills: readonly Skill[]): ReadOnlyDirectory[] {
  return skills.map(({ name, folder }) => ({ path: folder, at: `${MOUNT_POINT}/${name}` }));
}

function explain(issue: z.core.$ZodIssue): { path: PropertyKey[]; message: string }[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      message: `there is no field ${key}; known are ${FIELDS}. What is your own goes below metadata`,
    }));
  const [field] = issue.path;
  if (field === undefined) return [{ path: [], message: 'the front matter must be a mapping of fields' }];
  return [{ path: issue.path, message: `${issue.path.map(String).join('.')}: ${issue.message}` }];
}
