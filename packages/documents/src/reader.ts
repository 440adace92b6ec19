import { openBoundedProcess, ReeveError, unlessAborted, type BoundedWorker } from '@reeve/kit';
import { Unreadable, type ReadDocument } from './document.ts';
import { formatOf } from './formats.ts';
import type { CutDocument, ReadQuestion } from './read-worker.ts';

/*
 * A process that reads files, one after another
 *
 *   none ──file──► open ──file──► open ──it died, was late, was cancelled, or nobody asked for a while──► none
 */

/** A file as it came. */
export interface DocumentFile {
  readonly bytes: Uint8Array;
  /** Its name, with or without folders: the ending tells its format where the media type does not. */
  readonly name: string;
  readonly mediaType?: string;
}

/** Reads files of all formats of `mediaTypesOf()`. Disposing ends its process, whatever it is doing. */
export interface DocumentReader extends AsyncDisposable {
  /**
   * Reads a file; several are read in the order in which they were asked for. Throws `invalid_request`, with a message that names
   * the file and says what is wrong with it, for one of an unknown type, too large, broken, encrypted or without text; others
   * can be read after it. Throws `cancelled` where the signal aborts, `unavailable` where no process can be
   * started, and `rate_limited` where too many files wait.
   */
  read(file: DocumentFile, signal: AbortSignal): Promise<ReadDocument>;
  /** Reads a file and cuts it into the chunks of `chunkDocument`, also outside this process: for what may be large. Throws as `read`. */
  readChunks(file: DocumentFile, signal: AbortSignal): Promise<CutDocument>;
}

export interface DocumentReaderOptions {
  /** For one file; 20 s by default. */
  readonly timeoutMs?: number;
  /** Of one file; 50 MiB by default. */
  readonly maxBytes?: number;
  /** Of the text of one file; 20 million by default. */
  readonly maxCharacters?: number;
  /** All memory that the process may take; 1 GiB by default, half of it for objects and strings. */
  readonly memoryMb?: number;
  /** Files, and bytes of them, that may wait to be read: they are in memory; 100 and 128 MiB by default. One always may. */
  readonly maxWaiting?: number;
  readonly maxWaitingBytes?: number;
  /** How long the process waits for the next file before it is ended; a minute by default. */
  readonly idleMs?: number;
}

/** When to come again where too many files wait. */
const RETRY_MS = 2_000;

type Answer = ReadDocument | CutDocument;

/** Opens a reader. Its process is started with the first file, serves for all, and is started anew after one that ended it. */
export function openDocumentReader({
  timeoutMs = 20_000,
  maxBytes = 50 * 1_048_576,
  maxCharacters = 20_000_000,
  memoryMb = 1_024,
  maxWaiting = 100,
  maxWaitingBytes = 128 * 1_048_576,
  idleMs = 60_000,
}: DocumentReaderOptions = {}): DocumentReader {
  let worker: BoundedWorker<ReadQuestion, Answer> | undefined;
  let turn: Promise<void> = Promise.resolve();
  const waiting = { files: 0, bytes: 0 };
  let idle: NodeJS.Timeout | undefined;
  let ending: Promise<void> = Promise.resolve();
  let closed = false;

  /** Ends the process, so that the next file has a new one. */
  const end = async () => {
    const ended = worker;
    worker = undefined;
    await ended?.[Symbol.asyncDispose]();
  };

  const ask = async (question: ReadQuestion, signal: AbortSignal): Promise<Answer> => {
    if (closed) throw closing();
    const isUsed = worker !== undefined;
    const current = (worker ??= openBoundedProcess({
      file: new URL('./read-worker.ts', import.meta.url),
      timeoutMs,
      timeFor: 'each',
      heapMb: memoryMb / 2,
      memoryMb,
    }));
    const asked = await current.ask(question, signal).catch(async (error: unknown) => {
      await end();
      throw error;
    });
    if (asked.kind === 'answer') return asked.value;
    if (closed) throw closing();
    const hasDied = current.ended;
    if (hasDied) await end();
    if (asked.kind === 'late') throw new Unreadable(`it takes longer than ${timeoutMs / 1_000} s to be read`);
    // What died may have done so of what earlier files left behind.
    if (hasDied && isUsed) return ask(question, signal);
    throw new Unreadable(asked.message);
  };

  const readAs = async (isCut: boolean, file: DocumentFile, signal: AbortSignal): Promise<Answer> => {
    const { bytes, name, mediaType } = file;
    if (waiting.files > 0 && (waiting.files >= maxWaiting || waiting.bytes + bytes.length > maxWaitingBytes))
      throw new ReeveError('rate_limited', 'too many files wait to be read; send it again a little later', {
        retryAfterMs: RETRY_MS,
      });
    waiting.files += 1;
    waiting.bytes += bytes.length;
    const before = turn;
    const done = Promise.withResolvers<void>();
    turn = before.then(() => done.promise);
    try {
      const format = formatOf(name, mediaType);
      if (bytes.length > maxBytes)
        throw new Unreadable(`it is larger than ${Math.floor(maxBytes / 1_048_576)} MiB; split it`);
      if (bytes.length === 0) throw new Unreadable('it is empty');
      await unlessAborted(before, signal, cancelled);
      clearTimeout(idle);
      try {
        return await ask({ bytes, name, format, maxCharacters, isCut }, signal);
      } finally {
        idle = setTimeout(() => {
          ending = end();
        }, idleMs).unref();
      }
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const message = `${JSON.stringify(name)} cannot be read: ${error.message}`;
      throw new ReeveError('invalid_request', message, { cause: error });
    } finally {
      waiting.files -= 1;
      waiting.bytes -= bytes.length;
      done.resolve();
    }
  };

  return {
    read: async (file, signal) => (await readAs(false, file, signal)) as ReadDocument,
    readChunks: async (file, signal) => (await readAs(true, file, signal)) as CutDocument,
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(idle);
      await Promise.all([ending, end()]);
    },
  };
}

function closing(): ReeveError {
  return new ReeveError('shutting_down', 'no more files are read');
}

function cancelled(): ReeveError {
  return new ReeveError('cancelled', 'the reading was cancelled');
}
