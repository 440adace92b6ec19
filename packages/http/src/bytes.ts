import type { ServerResponse } from 'node:http';
import type { Log } from '@reeve/kit';
import { logBreak, withReader } from './reader.ts';

/** A body that is written as it is made, for a `Reply`. */
export class ByteStream {
  readonly chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>;

  /** `chunks` get a signal that aborts when the reader goes away or the server stops. */
  constructor(chunks: (signal: AbortSignal) => AsyncIterable<Uint8Array>) {
    this.chunks = chunks;
  }

  /** Lines of text, each with its end. */
  static ofLines(lines: (signal: AbortSignal) => AsyncIterable<string>): ByteStream {
    return new ByteStream(async function* (signal) {
      for await (const line of lines(signal)) yield Buffer.from(`${line}\n`);
    });
  }
}

/** The bytes, for who asked in process. Nothing begins before it is read; where it breaks off, so does the stream. */
export function encodeBytes(stream: ByteStream, stopping: AbortSignal): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, stopping]);
  let iterator: AsyncIterator<Uint8Array> | undefined;
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      iterator ??= stream.chunks(signal)[Symbol.asyncIterator]();
      const next = await iterator.next();
      if (gone.signal.aborted) return;
      stopping.throwIfAborted();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      gone.abort();
      await iterator?.return?.(undefined);
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/**
 * Writes the same to a connection whose headers are said, and ends it; never throws. Where it breaks off, the connection is
 * cut, so that nobody takes the part for the whole. A reader that is slow is waited for.
 */
export async function writeBytes(
  outgoing: ServerResponse,
  stream: ByteStream,
  stopping: AbortSignal,
  log: Log,
): Promise<void> {
  await withReader(outgoing, stopping, async ({ over, send }) => {
    try {
      for await (const chunk of stream.chunks(over)) {
        if (over.aborted) break;
        await send(chunk);
      }
      if (over.aborted) outgoing.destroy();
      else outgoing.end();
    } catch (error) {
      if (!over.aborted) logBreak(log, error);
      outgoing.destroy();
    }
  });
}
