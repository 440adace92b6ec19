import type { ChildProcess } from 'node:child_process';
import { ReeveError } from '@reeve/kit';
import { descriptor, launch } from './launch.ts';
import { createOutputCapture } from './output.ts';
import { FD } from './profile.ts';
import type { ExecRequest, ExecResult, SandboxDriver } from './sandbox.ts';

/**
 * Shell scripts in bubblewrap: namespaces of their own, no network, a read-only system, the workspace at /workspace.
 * The whole tree is killed at the deadline, at abort and at an output flood. `bwrap` is its absolute path, `seccomp`
 * the compiled filter.
 */
export function createBubblewrapDriver(bwrap: string, seccomp: Buffer): SandboxDriver {
  return {
    name: 'bubblewrap',
    languages: ['bash'],
    async exec(request, signal) {
      if (signal.aborted) throw new ReeveError('cancelled', 'the run was cancelled');
      const { code: script, stdin = '', workspace, timeoutMs } = request;
      const child = await launch({ bwrap, seccomp, script, stdin, workspace, timeoutMs });
      return watch(child, request, signal);
    },
  };
}

/** Why a command was killed. */
type Kill = 'timeout' | 'flood' | 'cancelled';

async function watch(child: ChildProcess, request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
  const startedAt = performance.now();
  const output = createOutputCapture(request.maxOutputBytes);
  let killedBy: Kill | undefined;
  const kill = (why: Kill) => {
    killedBy ??= why;
    // Its parent gone, bwrap's first process dies, and with it everything in its process namespace.
    child.kill('SIGKILL');
  };
  const cancel = () => kill('cancelled');
  const timer = setTimeout(() => kill('timeout'), request.timeoutMs);
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]!.on('data', (chunk: Buffer) => output.add(stream, chunk) || kill('flood')).on(
      'error',
      () => undefined,
    );
  }
  let report = '';
  descriptor(child, FD.status)
    .on('data', (chunk: Buffer) => (report += chunk.toString()))
    .on('error', () => undefined);
  const failure = await new Promise<Error | undefined>((resolve) => {
    child.on('error', resolve);
    child.on('close', () => resolve(undefined));
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', cancel);

  const captured = { ...output.read(), durationMs: performance.now() - startedAt };
  switch (killedBy) {
    case 'cancelled':
      throw new ReeveError('cancelled', 'the run was cancelled');
    case 'timeout':
      return {
        ...captured,
        status: 'timeout',
        exitCode: null,
        message: `the command did not end within ${request.timeoutMs} ms and was killed`,
      };
    case 'flood':
      return {
        ...captured,
        status: 'error',
        exitCode: null,
        message: `the command printed more than ${request.maxOutputBytes} bytes and was killed`,
      };
    case undefined:
  }
  const exitCode = reportedExitCode(report);
  if (exitCode === null) {
    const why = failure?.message ?? captured.stderr.trim().slice(0, 500);
    throw new ReeveError('unavailable', `bubblewrap could not start: ${why || 'it ended without a word'}`, {
      cause: failure,
    });
  }
  if (exitCode === 0) return { ...captured, status: 'success', exitCode };
  return { ...captured, status: 'error', exitCode, message: `the command exited with ${exitCode}` };
}

/** The command's own exit code; bwrap reports none where it failed before the command began. */
function reportedExitCode(report: string): number | null {
  const match = /"exit-code"\s*:\s*(\d+)/.exec(report);
  return match === null ? null : Number(match[1]);
}
