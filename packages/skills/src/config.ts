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
      .describe('Skills of your own, a folder for each; `skills` in the data directory where it is unset.'),
  ),
};
