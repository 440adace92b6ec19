import type { Sandbox } from '@reeve/sandbox';
import { z } from 'zod';
import { PROGRAM_TIMEOUT_MS, runProgram, RunTime } from '../program.ts';
import { defineTool } from '../tool.ts';

/** A Node program in the sandbox, with the workspace as its current directory. */
export const nodeExecute = (sandbox: Pick<Sandbox, 'exec' | 'unavailable'>) =>
  defineTool({
    name: 'node_execute',
    description:
      "Runs a JavaScript program with Node in a sandbox and gives what it printed; import, require and await at the top level all work, and so do Node's own modules. Its current directory is /workspace, which keeps its files between calls, is shared with the file tools, and is where relative imports and packages are found; everything else is read-only. There is no network but for hosts that the operator opened, which are reached by the usual proxy variables. Nothing goes on running after the program ends, and no variables are kept. At most 100 KiB of output.",
    effect: 'external',
    timeoutMs: PROGRAM_TIMEOUT_MS,
    input: z.strictObject({
      code: z.string().min(1).max(200_000).describe('The program. Print what you want to see with console.log.'),
      timeout_ms: RunTime,
    }),
    unavailable: () => sandbox.unavailable('node'),
    execute: ({ code, timeout_ms: timeoutMs }, context) =>
      runProgram(sandbox, 'node_execute', { language: 'node', code, timeoutMs }, context),
  });
