import { routes, type SkillInfo } from '@reeve/contract';
import type { App } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import type { Skill } from './skill.ts';
import type { Skills } from './skills-open.ts';

/** Mounts the routes of skills, which are the same for every tenant. */
export function mountSkills(app: App, skills: Skills): void {
  app.mount(routes.listSkills, async ({ query: { limit, offset } }) => {
    const all = skills.list();
    const shown = all.slice(offset, offset + limit).map(toInfo);
    return { skills: shown, problems: [...skills.problems()], total: all.length, limit, offset };
  });

  app.mount(routes.getSkill, async ({ params: { name } }) => {
    const skill = skills.get(name);
    if (skill === undefined) throw new ReeveError('not_found', `there is no skill ${name}`);
    return { ...toInfo(skill), instructions: skill.body };
  });
}

function toInfo({ name, description, source, license, compatibility, metadata, allowedTools }: Skill): SkillInfo {
  return {
    name,
    description,
    source,
    license,
    compatibility,
    metadata: { ...metadata },
    allowed_tools: [...allowedTools],
  };
}
