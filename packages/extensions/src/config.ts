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
      .describe('Tools of your own, a TypeScript file for each; `extensions` in the data directory where it is unset.'),
  ),
};
