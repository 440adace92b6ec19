import type { ExecResult, Language, Sandbox } from '@reeve/sandbox';
import { z } from 'zod';
import type { ToolContext, ToolResult } from './tool.ts';

const MAX_RUN_MS = 120_000;
/** Output that a program may have. */
const MAX_OUTPUT_BYTES = 100 * 1024;

/** Bound on a call of a tool that runs a program: the program's own, and the way into the sandbox and out. */
export const PROGRAM_TIMEOUT_MS = MAX_RUN_MS + 15_000;

/** How long a program may run, as a tool's argument. */
export const RunTime = z.int().min(1).max(MAX_RUN_MS).default(30_000).describe('When to kill it, in milliseconds.');

/** Runs a program of a tool in the session's workspace, with what that has room for and the hosts that are open to it, and shows what it came to. */
export async function runProgram(
  sandbox: Pick<Sandbox, 'exec'>,
  tool: string,
  program: { readonly language: Language; readonly code: string; readonly timeoutMs: number },
  { workspace, readOnly = [], quota, egressOf, onOutput, signal }: ToolContext,
): Promise<ToolResult> {
  const [limits, egress] = await Promise.all([quota.allowance(workspace, signal), egressOf(tool)]);
  const bounds = { workspace, readOnly, limits, egress, maxOutputBytes: MAX_OUTPUT_BYTES };
  return resultOf(await sandbox.exec({ ...program, ...bounds, ...(onOutput && { onOutput }) }, signal));
}

/** What a program in the sandbox came to, as a model is shown it: value, output, and what went wrong. */
function resultOf(ended: ExecResult): ToolResult {
  const { status, stdout, stderr, exitCode, truncated } = ended;
  return {
    status,
    stdout,
    stderr,
    exitCode,
    truncated,
    result: {
      ...(ended.status === 'success' ? 'result' in ended && { value: ended.result } : { error: ended.message }),
      ...(exitCode !== null && { exit_code: exitCode }),
      ...(stdout !== '' && { stdout }),
      ...(stderr !== '' && { stderr }),
      ...(truncated && { truncated }),
    },
  };
}
