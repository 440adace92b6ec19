import type { Sandbox } from '@reeve/sandbox';
import { z } from 'zod';
import { PROGRAM_TIMEOUT_MS, runProgram, RunTime } from '../program.ts';
import { defineTool } from '../tool.ts';

/** A shell script in the sandbox, with the workspace as its current directory. */
export const bashExecute = (sandbox: Pick<Sandbox, 'exec' | 'unavailable'>) =>
  defineTool({
    name: 'bash_execute',
    description:
      'Runs a bash script in a sandbox. Its current directory is /workspace, which keeps its files between calls and is shared with the file tools; everything else is read-only. There is no network but for hosts that the operator opened, which are reached by the usual proxy variables. Nothing goes on running after the script ends. At most 100 KiB of output.',
    effect: 'external',
    timeoutMs: PROGRAM_TIMEOUT_MS,
    input: z.strictObject({
      command: z
        .string()
        .min(1)
        .max(200_000)
        .refine((text) => !text.includes('\0'), 'must not contain NUL characters')
        .describe('The script, one or more lines of bash.'),
      timeout_ms: RunTime,
    }),
    unavailable: () => sandbox.unavailable('bash'),
    execute: ({ command, timeout_ms: timeoutMs }, context) =>
      runProgram(sandbox, 'bash_execute', { language: 'bash', code: command, timeoutMs }, context),
  });
