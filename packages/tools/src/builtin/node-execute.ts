import type { Sandbox } from '@reeve/sandbox';
import { z } from 'zod';
import { runProgram } from '../program.ts';
import { defineTool } from '../tool.ts';

const MAX_RUN_MS = 120_000;

/** A Node program in the sandbox, with the workspace as its current directory. */
export const nodeExecute = (sandbox: Pick<Sandbox, 'exec' | 'unavailable'>) =>
  defineTool({
    name: 'node_execute',
    description:
      "Runs a JavaScript program with Node in a sandbox and gives what it printed; import, require and await at the top level all work, and so do Node's own modules. Its current directory is /workspace, which keeps its files between calls, is shared with the file tools, and is where relative imports and packages are found; everything else is read-only and there is no network, so no packages can be installed. Nothing goes on running after the program ends, and no variables are kept. At most 100 KiB of output.",
    effect: 'external',
    timeoutMs: MAX_RUN_MS + 15_000,
    input: z.strictObject({
      code: z.string().min(1).max(200_000).describe('The program. Print what you want to see with console.log.'),
      timeout_ms: z.int().min(1).max(MAX_RUN_MS).default(30_000).describe('When to kill it, in milliseconds.'),
    }),
    unavailable: () => sandbox.unavailable('node'),
    execute: ({ code, timeout_ms }, context) =>
      runProgram(sandbox, { language: 'node', code, timeoutMs: timeout_ms }, context),
  });
