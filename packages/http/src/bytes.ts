import type { ServerResponse } from 'node:http';
import type { Log } from '@reeve/kit';
import { logBreak, withReader } from './reader.ts';

/** A body of lines that is written as it is made, for a `Reply`. */
export class LineStream {
  readonly lines: (signal: AbortSignal) => AsyncIterable<string>;

  /** `lines` get a signal that aborts when the reader goes away or the server stops. */
  constructor(lines: (signal: AbortSignal) => AsyncIterable<string>) {
    this.lines = lines;
  }
}

const encoder = new TextEncoder();

/** The bytes of the lines. Nothing begins before it is read; where it breaks off, so does the stream. */
export function encodeLines(stream: LineStream, stopping: AbortSignal): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, stopping]);
  let iterator: AsyncIterator<string> | undefined;
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      iterator ??= stream.lines(signal)[Symbol.asyncIterator]();
      const next = await iterator.next();
      if (gone.signal.aborted) return;
      stopping.throwIfAborted();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(`${next.value}\n`));
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
export async function writeLines(
  outgoing: ServerResponse,
  stream: LineStream,
  stopping: AbortSignal,
  log: Log,
): Promise<void> {
  await withReader(outgoing, stopping, async ({ over, send }) => {
    try {
      for await (const line of stream.lines(over)) {
        if (over.aborted) break;
        await send(`${line}\n`);
      }
      if (over.aborted) outgoing.destroy();
      else outgoing.end();
    } catch (error) {
      if (!over.aborted) logBreak(log, error);
      outgoing.destroy();
    }
  });
}
