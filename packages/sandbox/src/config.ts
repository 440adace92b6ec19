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
