import { fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { ReeveError } from './error.ts';
import { watchMemory } from './process-memory.ts';
import type { WorkerAnswer } from './worker-answers.ts';

/*
 * Work on input that may be made to last for ever or to fill the memory, beside the event loop
 *
 *   starting ──ready──► idle ◄──► asked ──disposed, late, cancelled, died──► ended
 *
 * A thread is cheap, and is ended in the middle of anything. What may fill the memory needs a process: V8 can end all of a
 * process when one of its threads reaches its limit.
 */

/** What came of a question: its answer, or why there is none. A worker that was late or died answers nothing more. */
export type Asked<Answer> =
  | { readonly kind: 'answer'; readonly value: Answer }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'late' };

/** Answers questions, one at a time. Disposing ends it, whatever it is doing. */
export interface BoundedWorker<Question, Answer> extends AsyncDisposable {
  /** Whether it answers nothing more: it died, was late, or a question of its was cancelled. */
  readonly ended: boolean;
  /**
   * Asks. `refused` says what is wrong with the question, too much memory included; `late` that the worker's time was over.
   * Throws `cancelled` where the signal aborts, and `unavailable` where the worker cannot start.
   */
  ask(question: Question, signal: AbortSignal): Promise<Asked<Answer>>;
}

export interface BoundedWorkerOptions {
  /** A module that calls `answerQuestions`. */
  readonly file: URL;
  /** For all questions together, counted only while one is open: neither the start nor idle time takes of it. */
  readonly timeoutMs: number;
  /** What the time is for: `all` questions together, or `each` of them anew; `all` by default. */
  readonly timeFor?: 'all' | 'each';
  /** What V8 may hold of objects and strings; 256 by default. */
  readonly heapMb?: number;
}

export interface BoundedProcessOptions extends BoundedWorkerOptions {
  /** All memory of the process, buffers included; no limit by default. It is looked at while a question is open, on Linux only. */
  readonly memoryMb?: number;
}

const STARTUP_MS = 15_000;
const HEAP_MB = 256;

/** A worker in a thread, for input whose size bounds the memory that is needed. */
export function openBoundedThread<Question, Answer>(
  options: BoundedWorkerOptions,
  data: unknown,
): BoundedWorker<Question, Answer> {
  const thread = new Worker(options.file, {
    workerData: data,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: options.heapMb ?? HEAP_MB },
  });
  return createWorker(options, (tell, died) => {
    thread.on('message', tell);
    thread.on('error', died);
    thread.on('exit', (code) => died(new Error(`the thread ended with ${code}`)));
    return { post: (question) => thread.postMessage(question), end: async () => void (await thread.terminate()) };
  });
}

/** A worker in a process, which may fill its memory. It has no environment, and may write nothing and start nothing. */
export function openBoundedProcess<Question, Answer>(options: BoundedProcessOptions): BoundedWorker<Question, Answer> {
  const child = fork(options.file, [], {
    env: {},
    execArgv: [`--max-old-space-size=${options.heapMb ?? HEAP_MB}`, '--permission', '--allow-fs-read=*'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return createWorker(options, (tell, died) => {
    const gone = new Promise<void>((resolve) => {
      child.on('exit', () => resolve());
      child.on('error', () => resolve());
    });
    child.on('message', (message) => tell(message as WorkerAnswer));
    child.on('error', died);
    child.on('exit', (code, signal) => died(new Error(`the process ended with ${signal ?? code}`)));
    return {
      post: (question) => child.send(question as object, (error) => error !== null && died(error)),
      watch: () => watchMemory(child.pid, options.memoryMb, () => child.kill('SIGKILL')),
      async end() {
        child.kill('SIGKILL');
        await gone;
      },
    };
  });
}

/** A thread or a process, as a worker uses it. */
interface Peer {
  post(question: unknown): void;
  /** Watches the peer while a question is open. */
  watch?(): Disposable;
  end(): Promise<void>;
}

function createWorker<Question, Answer>(
  { timeoutMs, timeFor = 'all' }: BoundedWorkerOptions,
  connect: (tell: (message: WorkerAnswer) => void, died: (cause: unknown) => void) => Peer,
): BoundedWorker<Question, Answer> {
  const { promise: started, resolve: start, reject: fail } = Promise.withResolvers<void>();
  started.catch(() => undefined);
  let ended: Asked<never> | undefined;
  let settle: ((asked: Asked<Answer>) => void) | undefined;
  let timer = setTimeout(() => fail(new Error('it did not start')), STARTUP_MS);
  let leftMs = timeoutMs;
  const end = (why: Asked<never>) => {
    ended ??= why;
    settle?.(ended);
  };
  const peer = connect(
    (message) => {
      if (message.kind !== 'ready') return settle?.(message as Asked<Answer>);
      clearTimeout(timer);
      start();
    },
    (cause) => {
      fail(cause);
      end({ kind: 'refused', message: 'it takes too much memory' });
    },
  );
  return {
    get ended() {
      return ended !== undefined;
    },
    async ask(question, signal) {
      const cancelled = Promise.withResolvers<never>();
      cancelled.promise.catch(() => undefined);
      const cancel = () => cancelled.reject(new ReeveError('cancelled', 'the run was cancelled'));
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      try {
        await Promise.race([started, cancelled.promise]).catch((cause: unknown) => {
          if (cause instanceof ReeveError) throw cause;
          throw new ReeveError('unavailable', 'a worker could not start', { cause });
        });
        if (ended !== undefined) return ended;
        const asked = Promise.withResolvers<Asked<Answer>>();
        settle = asked.resolve;
        const askedAt = performance.now();
        using _watch = peer.watch?.();
        timer = setTimeout(() => end({ kind: 'late' }), leftMs);
        cancelled.promise.catch(() => end({ kind: 'late' }));
        try {
          peer.post(question);
          return await Promise.race([asked.promise, cancelled.promise]);
        } finally {
          clearTimeout(timer);
          if (timeFor === 'all') leftMs = Math.max(0, leftMs - (performance.now() - askedAt));
        }
      } finally {
        settle = undefined;
        signal.removeEventListener('abort', cancel);
      }
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      await peer.end();
    },
  };
}
