import { Worker } from 'node:worker_threads';
import { ReeveError } from '@reeve/kit';
import { limitsOf } from '../limits.ts';
import { createOutputCapture } from '../output.ts';
import type { WorkerInput, WorkerMessage } from './worker.ts';
import type { ExecRequest, ExecResult, SandboxDriver } from '../sandbox.ts';

const MEMORY_BYTES = 64 * 1024 * 1024;
const STARTUP_MS = 15_000;

/**
 * JavaScript in QuickJS compiled to WebAssembly. Each call gets a worker thread of its own that is terminated at
 * the deadline, at abort and at the end, since the engine's own interrupt does not stop every loop.
 */
export function createQuickJsDriver(): SandboxDriver {
  return { name: 'quickjs', languages: ['javascript'], exec };
}

/** Why the wait for a worker ended. */
type Ending =
  | { readonly kind: 'result'; readonly json: string | undefined; readonly truncated: boolean }
  | { readonly kind: 'exception'; readonly message: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'broken'; readonly cause: unknown };

async function exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
  if (signal.aborted) throw new ReeveError('cancelled', 'the run was cancelled');
  const limits = limitsOf(request);
  const { stdin = null } = request;
  if (stdin !== null && typeof stdin !== 'string')
    throw new ReeveError('invalid_request', 'JavaScript in QuickJS takes its input as a whole, not as a stream');
  const input: WorkerInput = {
    code: request.code,
    stdin,
    env: request.env ?? null,
    maxOutputBytes: request.maxOutputBytes,
    memoryBytes: Math.min(MEMORY_BYTES, limits.memoryBytes),
  };
  // One thread has used no more of the processor than has passed.
  const isCpuLimit = limits.cpuMs < request.timeoutMs;
  const deadlineMs = isCpuLimit ? limits.cpuMs : request.timeoutMs;
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: input,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 256, stackSizeMb: 8 },
  });
  const output = createOutputCapture(request.maxOutputBytes, request);
  let startedAt = performance.now();
  const ending = await new Promise<Ending>((resolve) => {
    const cancel = () => resolve({ kind: 'cancelled' });
    let ready = false;
    let timer = setTimeout(
      () => resolve({ kind: 'broken', cause: new Error('the QuickJS worker did not start') }),
      STARTUP_MS,
    );
    const broken = (cause: unknown) =>
      resolve(
        ready
          ? { kind: 'exception', message: `the JavaScript engine stopped: ${String(cause)}` }
          : { kind: 'broken', cause },
      );
    signal.addEventListener('abort', cancel, { once: true });
    worker.on('message', (message: WorkerMessage) => {
      if (message.kind === 'output') output.add(message.stream, Buffer.from(message.text));
      else if (message.kind !== 'ready') resolve(message);
      else {
        ready = true;
        startedAt = performance.now();
        clearTimeout(timer);
        timer = setTimeout(() => resolve({ kind: 'timeout' }), deadlineMs);
      }
    });
    worker.on('error', broken);
    worker.on('exit', (code) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      broken(new Error(`the QuickJS worker exited with ${code}`));
    });
  });
  const durationMs = performance.now() - startedAt;
  await worker.terminate();
  const captured = { ...output.read(), durationMs, exitCode: null };
  switch (ending.kind) {
    case 'result':
      return {
        ...captured,
        status: 'success',
        truncated: captured.truncated || ending.truncated,
        ...(ending.json !== undefined && { result: JSON.parse(ending.json) as unknown }),
      };
    case 'exception':
      return { ...captured, status: 'error', message: ending.message };
    case 'timeout':
      return {
        ...captured,
        status: 'timeout',
        message: `the code did not end within ${deadlineMs} ms`,
        exceeded: isCpuLimit ? 'cpu' : 'time',
      };
    case 'cancelled':
      throw new ReeveError('cancelled', 'the run was cancelled');
    case 'broken':
      throw new ReeveError('unavailable', 'the JavaScript sandbox could not start', { cause: ending.cause });
  }
}
