import { z } from 'zod';
import { listOf, paging, text } from '../common.ts';
import { defineRoute } from '../route.ts';

const tag = 'Tools and sandbox';

export const SkillInfo = z
  .object({
    name: z.string(),
    description: z.string().describe('What it does and when it is of use; this much of it is in the prompt.'),
    source: z.enum(['builtin', 'user']).describe('Where it comes from: Reeve, or the folder of the operator.'),
    license: z.string().nullable(),
    compatibility: z.string().nullable().describe('What it needs, in words.'),
    metadata: z.record(z.string(), z.string()),
    allowed_tools: z.array(z.string()).describe('What it asks for; an agent has the tools of its own configuration.'),
  })
  .meta({ id: 'Skill' });
export type SkillInfo = z.infer<typeof SkillInfo>;

const SkillProblem = z.object({
  file: z.string().describe('Its path in the folder of the operator.'),
  line: z.int(),
  message: z.string(),
});

export const listSkills = defineRoute({
  method: 'GET',
  path: '/api/v1/skills',
  tag,
  access: 'viewer',
  summary: 'Skills that agents can be given, by name',
  description:
    '`problems` says what is wrong in the folder of the operator: such a skill is left out, or still as it was before the change that broke it.',
  query: z.strictObject(paging),
  responses: { 200: listOf('skills', SkillInfo).extend({ problems: z.array(SkillProblem) }) },
});
export const getSkill = defineRoute({
  method: 'GET',
  path: '/api/v1/skills/{name}',
  tag,
  access: 'viewer',
  summary: 'One skill, with its instructions',
  params: z.strictObject({ name: text(1, 100) }),
  responses: { 200: SkillInfo.extend({ instructions: z.string().describe('Markdown.') }).meta({ id: 'SkillText' }) },
});
