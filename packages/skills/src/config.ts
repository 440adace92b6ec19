import { setting } from '@reeve/kit';
import { z } from 'zod';

/** Settings of skills. */
export const skillSettings = {
  skillsDirectory: setting(
    'REEVE_SKILLS_DIR',
    z
      .string()
      .min(1)
      .optional()
      .describe(
        'Directory of your own skills, one folder each; reloaded on change. Unset: `skills` in the data directory.',
      ),
  ),
};
