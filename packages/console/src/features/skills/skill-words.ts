import type { SkillInfo } from '@reeve/contract';

/** Where a skill comes from, in words. */
export const SOURCES = {
  builtin: 'comes with Reeve',
  user: 'the operator',
} as const satisfies Record<SkillInfo['source'], string>;
