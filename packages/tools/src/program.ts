import type { ExecRequest, ExecResult, Sandbox } from '@reeve/sandbox';
import type { ToolContext, ToolResult } from './tool.ts';

/** Output that a program may have, in bytes. */
const MAX_OUTPUT_BYTES = 100 * 1024;

/** Runs a program in the session's workspace. */
export async function runProgram(
  sandbox: Pick<Sandbox, 'exec'>,
  program: Pick<ExecRequest, 'language' | 'code' | 'timeoutMs'>,
  { workspace, signal, onOutput }: ToolContext,
): Promise<ToolResult> {
  const bounds = { workspace, maxOutputBytes: MAX_OUTPUT_BYTES, ...(onOutput !== undefined && { onOutput }) };
  return resultOf(await sandbox.exec({ ...program, ...bounds }, signal));
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
