import type { ChildProcess } from 'node:child_process';
import { ReeveError, sleep } from '@reeve/kit';
import { openEgressProxy } from '../egress/proxy.ts';
import { cancelled, exitedResult, killedResult, type KilledBy } from '../system/exec-result.ts';
import { descriptor, launch, type Bubblewrap } from '../system/launch.ts';
import { limitsOf } from '../limits.ts';
import { createOutputCapture, pauseWhileHeld, readUpTo, untilTold } from '../output.ts';
import { FD } from '../system/profile.ts';
import { noDirectory, SYSTEM_LANGUAGES } from '../system/program.ts';
import type { ExecRequest, ExecResult, Limits, SandboxDriver } from '../sandbox.ts';
import { findProcess, killProcess, untilDead, type ProcessId } from '../system/process-tree.ts';
import { watchUsage } from './usage.ts';

/**
 * Shell, Python and Node programs in bubblewrap: own namespaces, no network, a read-only system, the workspace at
 * /workspace. The process tree is killed at the deadline, on abort, on excess output or on a breached limit; it is dead
 * when a call resolves.
 */
export function createBubblewrapDriver(bwrap: string, seccomp: Buffer): SandboxDriver {
  const bubblewrap: Bubblewrap = { bwrap, seccomp };
  return {
    name: 'bubblewrap',
    languages: SYSTEM_LANGUAGES,
    async exec(request, signal) {
      if (signal.aborted) throw cancelled();
      const limits = limitsOf(request);
      await using proxy = request.egress === undefined ? undefined : await openEgressProxy(request.egress);
      const child = await launch(bubblewrap, request, limits, proxy?.socket);
      return resultOf(await watch(child, request, limits, signal), request, limits);
    },
  };
}

/** How a launched bwrap ended, with its report and the program’s output. */
interface Ended {
  readonly killedBy: KilledBy | undefined;
  readonly output: { stdout: string; stderr: string; truncated: boolean };
  readonly answer: string | undefined;
  readonly durationMs: number;
  /** The JSON report of bwrap. */
  readonly report: string;
  /** Why it could not be started. */
  readonly failure: Error | undefined;
}

/** Follows a launched bwrap until everything that it started is dead. */
async function watch(child: ChildProcess, request: ExecRequest, limits: Limits, signal: AbortSignal): Promise<Ended> {
  const startedAt = performance.now();
  const output = createOutputCapture(request.maxOutputBytes, request);
  let first: ProcessId | undefined;
  let isDoomed = false;
  const killTree = () => {
    isDoomed = true;
    // Not before bwrap has reported its first process, which would otherwise wait forever.
    if (first === undefined && performance.now() < startedAt + STARTUP_MS) {
      setTimeout(killTree, STARTUP_MS).unref();
      return;
    }
    child.kill('SIGKILL');
    // It dies with its parent, and everything in its process namespace with it; but it is in reach of what runs there.
    if (first !== undefined) killProcess(first);
  };
  let killedBy: Ended['killedBy'];
  const kill = (why: KilledBy) => {
    killedBy ??= why;
    killTree();
  };
  const cancel = () => kill('cancelled');
  const timer = setTimeout(() => kill('time'), request.timeoutMs);
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  for (const stream of ['stdout', 'stderr'] as const) {
    const from = child[stream]!;
    from.on('error', () => undefined);
    from.on('data', (chunk: Buffer) => {
      if (!output.add(stream, chunk)) kill('output');
      pauseWhileHeld(from, output);
    });
  }
  const { maxAnswerBytes } = request;
  const answerOf = maxAnswerBytes === undefined ? undefined : readUpTo(descriptor(child, FD.answer), maxAnswerBytes);
  let report = '';
  let watching: Promise<void> | undefined;
  let fault: unknown;
  const ended = new AbortController();
  descriptor(child, FD.status)
    .on('data', (chunk: Buffer) => {
      report += chunk.toString();
      first ??= findProcess(numberIn(report, 'child-pid') ?? 0);
      if (first === undefined) return;
      if (isDoomed) killTree();
      watching ??= watchUsage({ first: first.pid, workspace: request.workspace, limits }, ended.signal).then(
        (exceeded) => {
          if (exceeded !== undefined) kill(exceeded);
        },
        (error: unknown) => {
          fault = error;
          killTree();
        },
      );
    })
    .on('error', () => undefined);
  /** Whoever was handed its output by way of a socket holds that open, and is not waited for. */
  const leaveHolders = async () => {
    await (first === undefined ? sleep(STARTUP_MS, ended.signal) : untilDead(first).catch(() => undefined));
    await untilTold(output, DRAIN_MS, ended.signal);
    for (const stream of child.stdio) stream?.destroy();
  };
  const failure = await new Promise<Error | undefined>((resolve) => {
    child.on('error', resolve);
    child.on('exit', () => {
      killTree();
      void leaveHolders();
    });
    child.on('close', () => resolve(undefined));
  });
  clearTimeout(timer);
  signal.removeEventListener('abort', cancel);
  ended.abort();
  await watching;
  if (first !== undefined) await untilDead(first);
  if (fault !== undefined)
    throw new ReeveError('unavailable', 'a program could not be watched and was killed', { cause: fault });
  const durationMs = performance.now() - startedAt;
  return { killedBy, output: output.read(), answer: answerOf?.(), durationMs, report, failure };
}

function resultOf(
  { killedBy, output, answer, durationMs, report, failure }: Ended,
  request: ExecRequest,
  limits: Limits,
): ExecResult {
  const captured = { ...output, durationMs, ...(answer !== undefined && { answer }) };
  if (killedBy !== undefined) return killedResult(killedBy, captured, request, limits);
  const exitCode = numberIn(report, 'exit-code');
  if (exitCode === null) throw notStarted(request, captured.stderr, failure);
  return exitedResult(exitCode, captured, request);
}

/** How long bwrap may take to make its first process. */
const STARTUP_MS = 2_000;
/** Time to read remaining output after all processes are dead. */
const DRAIN_MS = 1_000;

/** bwrap reports no exit code if it failed before the command began. */
function notStarted(request: ExecRequest, stderr: string, cause: Error | undefined): ReeveError {
  if (request.cwd !== undefined && /^bwrap: Can't chdir to /m.test(stderr)) return noDirectory(request);
  const why = cause?.message ?? stderr.trim().slice(0, 500);
  return new ReeveError('unavailable', `bubblewrap could not start: ${why || 'it ended without a word'}`, { cause });
}

/** A number in bwrap’s report: the first process’s ID on the host, or the command’s exit code. */
function numberIn(report: string, name: string): number | null {
  const match = new RegExp(`"${name}"\\s*:\\s*(\\d+)`).exec(report);
  return match === null ? null : Number(match[1]);
}
