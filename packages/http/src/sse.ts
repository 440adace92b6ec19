import type { ServerResponse } from 'node:http';
import { invalidField, type Log } from '@reeve/kit';
import { logBreak, withReader } from './reader.ts';

/**
 * One server-sent event: its id, for `Last-Event-ID`, its data, and its name where the protocol has one. Without data it
 * only tells readers where they are.
 */
export interface ServerEvent {
  readonly id?: number | string;
  readonly name?: string;
  readonly data?: unknown;
  /** Whole events that are encoded already, in place of all the rest. */
  readonly encoded?: Uint8Array;
}

/** What a handler returns to answer with `text/event-stream` instead of JSON. */
export class EventStream {
  readonly events: (signal: AbortSignal) => AsyncIterable<ServerEvent>;
  /** What the stream follows; by it a repeat under the same idempotency key follows the same again. */
  readonly source: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  /** `events` gets a signal that aborts when the reader goes away or the server stops. */
  constructor(
    events: (signal: AbortSignal) => AsyncIterable<ServerEvent>,
    source?: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.events = events;
    this.source = source;
    this.headers = headers;
  }
}

/** The id in `Last-Event-ID`, undefined where there is none. Throws `invalid_request` where `form` does not fit it. */
export function lastEventId(header: (name: string) => string | undefined, form: RegExp): string | undefined {
  const id = header('last-event-id');
  if (id === undefined || id === '') return undefined;
  if (!form.test(id)) throw invalidField('Last-Event-ID', 'must be the id of an event of this stream');
  return id;
}

const KEEP_ALIVE_MS = 15_000;
const OPEN = ': open\n\n';
const KEEP_ALIVE = ': keep-alive\n\n';
const DONE = 'data: [DONE]\n\n';
const encoder = new TextEncoder();

/**
 * The bytes of a stream: each event as `id` and `data`, a comment every 15 s, `data: [DONE]` after the last event.
 * Where the server stops or the events fail, it ends without `[DONE]`, so that readers come back with the last id they
 * saw. Nothing begins before it is read: the answer to a HEAD request never is.
 */
export function encodeEvents(stream: EventStream, stopping: AbortSignal, log: Log): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, stopping]);
  let timer: NodeJS.Timeout | undefined;
  let iterator: AsyncIterator<ServerEvent> | undefined;
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      const send = (text: string) => controller.enqueue(encoder.encode(text));
      if (iterator === undefined) {
        iterator = stream.events(signal)[Symbol.asyncIterator]();
        timer = setInterval(() => {
          if (controller.desiredSize === 0) send(KEEP_ALIVE);
        }, KEEP_ALIVE_MS);
        return send(OPEN);
      }
      const next = await iterator.next().catch((error: unknown) => {
        if (!signal.aborted) logBreak(log, error);
      });
      if (gone.signal.aborted) return;
      if (next?.done === false) return controller.enqueue(next.value.encoded ?? encoder.encode(textOf(next.value)));
      clearInterval(timer);
      if (next !== undefined && !signal.aborted) send(DONE);
      controller.close();
    },
    async cancel() {
      clearInterval(timer);
      gone.abort();
      await iterator?.return?.(undefined);
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

/**
 * Writes the same to a connection whose headers are said, and ends it; never throws. A reader that is slow is waited for.
 * Events that come in one turn of the event loop leave in one write.
 */
export async function writeEvents(
  outgoing: ServerResponse,
  stream: EventStream,
  stopping: AbortSignal,
  log: Log,
): Promise<void> {
  const timer = setInterval(() => outgoing.writableNeedDrain || outgoing.write(KEEP_ALIVE), KEEP_ALIVE_MS);
  outgoing.write(OPEN);
  await withReader(outgoing, stopping, async ({ gone, over, send }) => {
    try {
      for await (const event of stream.events(over)) {
        if (gone.aborted) break;
        await send(event.encoded ?? textOf(event));
      }
      if (!over.aborted) outgoing.write(DONE);
    } catch (error) {
      if (!over.aborted) logBreak(log, error);
    } finally {
      clearInterval(timer);
      outgoing.end();
    }
  });
}

function textOf({ id, name, data }: ServerEvent): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(name === undefined ? [] : [`event: ${name}`]),
    ...(data === undefined ? [] : [`data: ${JSON.stringify(data)}`]),
  ];
  return `${lines.join('\n')}\n\n`;
}
