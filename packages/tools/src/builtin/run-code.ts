import type { Sandbox } from '@reeve/sandbox';
import { z } from 'zod';
import { runProgram } from '../program.ts';
import { defineTool } from '../tool.ts';

const RUN_MS = 20_000;

/** JavaScript in the sandbox, without files, network or timers. */
export const runCode = (sandbox: Pick<Sandbox, 'exec' | 'unavailable'>) =>
  defineTool({
    name: 'run_code',
    description:
      'Runs JavaScript (ES2023) in an isolated engine and gives the value of its last expression and what it printed with console.log. There are no files, network, timers, modules or Node APIs, and no await at the top level (use an async function). At most 20 s and 64 MiB.',
    effect: 'none',
    timeoutMs: RUN_MS + 25_000,
    input: z.strictObject({
      language: z
        .literal('javascript', { message: 'must be "javascript", the only language here' })
        .default('javascript'),
      code: z.string().min(1).max(200_000).describe('The program. The value of its last expression is the result.'),
    }),
    unavailable: () => sandbox.unavailable('javascript'),
    execute: ({ language, code }, context) =>
      runProgram(sandbox, 'run_code', { language, code, timeoutMs: RUN_MS }, context),
  });
