import { openBoundedProcess, ReeveError, unlessAborted, type BoundedWorker } from '@reeve/kit';
import { finalFault } from '../backend.ts';
import type { EmbedBatch } from '../embeddings/backend.ts';
import type { ModelFolder } from './model-folder.ts';
import type { OnnxVectors } from './session.ts';
import type { OnnxAnswer, OnnxQuestion } from './worker.ts';

/*
 * A process that runs an embedding model
 *
 *   none ──texts──► open, the model loaded ──a step for each, in turn──► open ──it died, was late, refused──► none
 *
 * A batch is split into steps, and callers queue for each step: a query waits for one step of a long batch, not for all
 * of it. A cancelled caller lets the running step finish, since ending the process would unload the model.
 */

export interface OnnxOptions {
  /** For one step, the first of which loads the model; a minute by default. */
  readonly timeoutMs?: number;
  /** All memory of the process, on Linux; by default five times the model and a gigabyte. */
  readonly memoryMb?: number;
}

/** Characters of a step, about 500 tokens; a longer text is a step by itself. */
const STEP_LENGTH = 2_000;
const STEP_TEXTS = 16;
const HEAP_MB = 1_024;

/** A model in its own process, started with the first text and restarted after it dies. Disposing ends it. */
export function openOnnxBackend(
  folder: ModelFolder,
  { timeoutMs = 60_000, memoryMb = 1_024 + 5 * Math.ceil(folder.bytes / 2 ** 20) }: OnnxOptions = {},
): EmbedBatch & AsyncDisposable {
  let worker: BoundedWorker<OnnxQuestion, OnnxAnswer> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  const never = new AbortController().signal;

  const end = async () => {
    const ended = worker;
    worker = undefined;
    await ended?.[Symbol.asyncDispose]();
  };

  const ask = async (texts: readonly string[]): Promise<OnnxVectors> => {
    if (isClosed) throw closing();
    if (worker?.ended) await end();
    worker ??= openBoundedProcess({
      file: new URL('./worker.ts', import.meta.url),
      timeoutMs,
      timeFor: 'each',
      heapMb: HEAP_MB,
      memoryMb,
    });
    const current = worker;
    const asked = await current.ask({ folder, texts }, never).catch(async (error: unknown) => {
      await end();
      throw error;
    });
    if (asked.kind === 'answer') {
      if ('textFault' in asked.value) throw unreadable(folder, asked.value.textFault);
      return asked.value;
    }
    if (isClosed) throw closing();
    const hasDied = current.ended;
    // A process that failed to load its model may never recover, so it is replaced.
    await end();
    if (asked.kind === 'late')
      throw new ReeveError('timeout', `${said(folder)} took longer than ${timeoutMs / 1_000} s`);
    throw hasDied ? died(folder, memoryMb) : unusable(folder, asked.message);
  };

  /** Runs a step after all earlier ones; skips it if the signal aborts before. */
  const inTurn = async (texts: readonly string[], signal: AbortSignal): Promise<OnnxVectors> => {
    const asked = turn.then(() => {
      signal.throwIfAborted();
      return ask(texts);
    });
    turn = asked.catch(() => undefined);
    return unlessAborted(asked, signal, () => cancelled(signal));
  };

  return {
    async send(texts, signal) {
      const vectors: Float32Array[] = [];
      let tokens = 0;
      for (const step of stepsOf(texts)) {
        const answer = await inTurn(step, signal);
        vectors.push(...answer.vectors);
        tokens += answer.tokens;
      }
      return { vectors, tokens };
    },
    explain(thrown) {
      const error = ReeveError.from(thrown);
      return { ...finalFault(error, true), outage: error.reason === 'upstream_error' || error.reason === 'timeout' };
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await end();
    },
  };
}

/** Splits texts, in order, into short steps. */
export function stepsOf(texts: readonly string[]): string[][] {
  const steps: string[][] = [];
  let longest = 0;
  for (const text of texts) {
    const step = steps.at(-1);
    longest = Math.max(longest, text.length);
    // Each text costs as much as the longest of its step.
    if (step === undefined || step.length >= STEP_TEXTS || longest * (step.length + 1) > STEP_LENGTH) {
      steps.push([text]);
      longest = text.length;
    } else step.push(text);
  }
  return steps;
}

function said({ path }: ModelFolder): string {
  return `the embedding model in ${path}`;
}

function unusable(folder: ModelFolder, message: string): ReeveError {
  return new ReeveError('unavailable', `${said(folder)} cannot be used: ${message}`);
}

function unreadable(folder: ModelFolder, message: string): ReeveError {
  return new ReeveError('invalid_request', `${said(folder)} cannot take such a text: ${message}`);
}

function died(folder: ModelFolder, memoryMb: number): ReeveError {
  const why = `it was killed, or took more than ${memoryMb} MiB of memory, its limit`;
  return new ReeveError('upstream_error', `the process of ${said(folder)} ended: ${why}; it is started anew`);
}

function cancelled({ reason: cause }: AbortSignal): ReeveError {
  return new ReeveError('cancelled', 'the embedding was cancelled', { cause });
}

function closing(): ReeveError {
  return new ReeveError('shutting_down', 'no more texts are embedded');
}
