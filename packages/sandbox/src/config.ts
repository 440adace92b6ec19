import { setting } from '@reeve/kit';
import { z } from 'zod';

const TARGET = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/;

/** Settings of the sandbox. */
export const sandboxSettings = {
  sandboxBackend: setting(
    'SANDBOX_BACKEND',
    z
      .enum(['auto', 'quickjs', 'bubblewrap', 'remote'], { message: 'must be auto, quickjs, bubblewrap or remote' })
      .default('auto')
      .describe(
        'Where commands run: `auto` uses bubblewrap where it works, `quickjs` runs JavaScript only, `bubblewrap` also reports an error where it does not work, `remote` is the process that SANDBOX_TARGET names.',
      ),
  ),
  sandboxTarget: setting(
    'SANDBOX_TARGET',
    z
      .string()
      .regex(TARGET, 'it must be host:port, such as sandbox.internal:50053')
      .optional()
      .describe('The process with the role sandbox that runs tools which work in a workspace, as host:port.'),
  ),
  sandboxHost: setting(
    'SANDBOX_HOST',
    z
      .string()
      .min(1)
      .optional()
      .describe(
        'Address that the Sandbox service listens on; 127.0.0.1, or that of REEVE_HOST where it is all there is.',
      ),
  ),
  sandboxPort: setting(
    'SANDBOX_PORT',
    z
      .union([z.literal('off'), z.coerce.number().int().min(0).max(65_535)], {
        message: 'it must be 0 to 65535, or off',
      })
      .default(50_053)
      .describe('Port of the Sandbox service; 0 takes a free one, off serves none.'),
  ),
};
