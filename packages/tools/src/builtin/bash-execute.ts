import type { Sandbox } from '@reeve/sandbox';
import { z } from 'zod';
import { runProgram } from '../program.ts';
import { defineTool } from '../tool.ts';

const MAX_RUN_MS = 120_000;

/** A shell script in the sandbox, with the workspace as its current directory. */
export const bashExecute = (sandbox: Pick<Sandbox, 'exec' | 'unavailable'>) =>
  defineTool({
    name: 'bash_execute',
    description:
      'Runs a bash script in a sandbox. Its current directory is /workspace, which keeps its files between calls and is shared with the file tools; everything else is read-only and there is no network. Nothing goes on running after the script ends. At most 100 KiB of output.',
    effect: 'external',
    timeoutMs: MAX_RUN_MS + 15_000,
    input: z.strictObject({
      command: z
        .string()
        .min(1)
        .max(200_000)
        .refine((text) => !text.includes('\0'), 'must not contain NUL characters')
        .describe('The script, one or more lines of bash.'),
      timeout_ms: z.int().min(1).max(MAX_RUN_MS).default(30_000).describe('When to kill it, in milliseconds.'),
    }),
    unavailable: () => sandbox.unavailable('bash'),
    execute: ({ command, timeout_ms }, context) =>
      runProgram(sandbox, { language: 'bash', code: command, timeoutMs: timeout_ms }, context),
  });
