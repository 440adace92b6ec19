import { setting } from '@reeve/kit';
import { z } from 'zod';

/** Settings of extensions. */
export const extensionSettings = {
  extensionsDirectory: setting(
    'REEVE_EXTENSIONS_DIR',
    z
      .string()
      .min(1)
      .optional()
      .describe(
        'Directory of your own tools, one TypeScript file each; reloaded on change. Unset: `extensions` in the data directory.',
      ),
  ),
};
