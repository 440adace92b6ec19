export { skillSettings } from './config.ts';
export { READ_SKILL, readSkill } from './read-skill.ts';
export { mountSkills } from './routes.ts';
export { foldersOf, promptOf } from './skill.ts';
export type { Skill } from './skill.ts';
export { BUILTIN, openSkills } from './skills-open.ts';
export type { Skills, SkillProblem } from './skills-open.ts';
