import type { ExecResult } from '@reeve/sandbox';
import type { ToolResult } from './tool.ts';

/** What a program in the sandbox came to, as a model is shown it: value, output, and what went wrong. */
export function resultOf(ended: ExecResult): ToolResult {
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
