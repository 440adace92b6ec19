import type { Sandbox } from '@reeve/sandbox';
import { z } from 'zod';
import { PROGRAM_TIMEOUT_MS, runProgram, RunTime } from '../program.ts';
import { defineTool } from '../tool.ts';

/** A Python program in the sandbox, with the workspace as its current directory. */
export const pythonExecute = (sandbox: Pick<Sandbox, 'exec' | 'unavailable'>) =>
  defineTool({
    name: 'python_execute',
    description:
      'Runs a Python 3 program in a sandbox and gives what it printed. Its current directory is /workspace, which keeps its files between calls, is shared with the file tools, and is where imports look first; everything else is read-only. There is no network but for hosts that the operator opened, which are reached by the usual proxy variables. Nothing goes on running after the program ends, and no variables are kept. At most 100 KiB of output.',
    effect: 'external',
    timeoutMs: PROGRAM_TIMEOUT_MS,
    input: z.strictObject({
      code: z.string().min(1).max(200_000).describe('The program. Print what you want to see.'),
      timeout_ms: RunTime,
    }),
    unavailable: () => sandbox.unavailable('python'),
    execute: ({ code, timeout_ms: timeoutMs }, context) =>
      runProgram(sandbox, 'python_execute', { language: 'python', code, timeoutMs }, context),
  });
