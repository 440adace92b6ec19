import { setting } from '@reeve/kit';
import { z } from 'zod';

/** Settings of the sandbox. */
export const sandboxSettings = {
  sandboxBackend: setting(
    'SANDBOX_BACKEND',
    z
      .enum(['auto', 'quickjs', 'bubblewrap'], { message: 'must be auto, quickjs or bubblewrap' })
      .default('auto')
      .describe(
        'Where commands run: `auto` uses bubblewrap where it works, `quickjs` runs JavaScript only, `bubblewrap` also reports an error where it does not work.',
      ),
  ),
};

/** Settings of workspaces. */
export const workspaceSettings = {
  workspaceQuotaMb: setting(
    'REEVE_WORKSPACE_QUOTA_MB',
    z.coerce
      .number('must be a number')
      .int('must be a whole number')
      .min(1, 'must be 1 to 1,000,000')
      .max(1_000_000, 'must be 1 to 1,000,000')
      .default(2_048)
      .describe('What the files of a session may take on the disk, in MiB.'),
  ),
};
