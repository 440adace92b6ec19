import { Worker } from 'node:worker_threads';
import { ReeveError } from '@reeve/kit';
import type { WorkerAnswer } from './worker-answers.ts';

/** What came of a question: its answer, or why there is none. After anything but an answer the worker is of no more use. */
export type Asked<Answer> =
  | { readonly kind: 'answer'; readonly value: Answer }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'late' };

/** A worker thread that answers questions, one at a time. Disposing ends it, whatever it is doing. */
export interface BoundedWorker<Question, Answer> extends AsyncDisposable {
  /**
   * Asks. `refused` says what is wrong with the question, too much memory included; `late` that the worker's time was over.
   * Throws `cancelled` where the signal aborts, and `unavailable` where the thread cannot start.
   */
  ask(question: Question, signal: AbortSignal): Promise<Asked<Answer>>;
}

export interface BoundedWorkerOptions {
  /** A module that calls `answerQuestions`. */
  readonly file: URL;
  readonly data?: unknown;
  /** For all questions together, without the time that the thread takes to start. */
  readonly timeoutMs: number;
  readonly heapMb: number;
}

const STARTUP_MS = 15_000;

/**
 * Work on input that may be made to last for ever or to fill the memory: in a thread of its own with a heap of its own, which is
 * terminated when its time is over. The event loop of the process goes on meanwhile.
 */
export function openBoundedWorker<Question, Answer>({
  file,
  data,
  timeoutMs,
  heapMb,
}: BoundedWorkerOptions): BoundedWorker<Question, Answer> {
  const worker = new Worker(file, {
    workerData: data,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMb, stackSizeMb: 4 },
  });
  const { promise: started, resolve: start, reject: fail } = Promise.withResolvers<void>();
  started.catch(() => undefined);
  let ended: Asked<never> | undefined;
  let settle: ((asked: Asked<Answer>) => void) | undefined;
  let timer = setTimeout(() => fail(new Error('the thread did not start')), STARTUP_MS);
  const end = (why: Asked<never>) => {
    ended ??= why;
    settle?.(ended);
  };
  worker.on('message', (message: WorkerAnswer) => {
    if (message.kind === 'ready') {
      clearTimeout(timer);
      timer = setTimeout(() => end({ kind: 'late' }), timeoutMs);
      start();
    } else settle?.(message as Asked<Answer>);
  });
  worker.on('error', (error: NodeJS.ErrnoException) => {
    fail(error);
    end({
      kind: 'refused',
      message: error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it takes too much memory' : 'it cannot be worked on',
    });
  });
  return {
    async ask(question, signal) {
      const cancelled = Promise.withResolvers<never>();
      const cancel = () => cancelled.reject(new ReeveError('cancelled', 'the run was cancelled'));
      signal.addEventListener('abort', cancel, { once: true });
      if (signal.aborted) cancel();
      try {
        await Promise.race([started, cancelled.promise]).catch((cause: unknown) => {
          if (cause instanceof ReeveError) throw cause;
          throw new ReeveError('unavailable', 'a worker thread could not start', { cause });
        });
        if (ended !== undefined) return ended;
        const asked = Promise.withResolvers<Asked<Answer>>();
        settle = asked.resolve;
        worker.postMessage(question);
        return await Promise.race([asked.promise, cancelled.promise]);
      } finally {
        settle = undefined;
        signal.removeEventListener('abort', cancel);
      }
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      await worker.terminate();
    },
  };
}
