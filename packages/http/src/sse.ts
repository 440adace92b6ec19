/** One server-sent event: its id, for `Last-Event-ID`, and its data. */
export interface ServerEvent {
  readonly id: number;
  readonly data: unknown;
}

/** What a handler returns to answer with `text/event-stream` instead of JSON. */
export class EventStream {
  readonly events: (signal: AbortSignal) => AsyncIterable<ServerEvent>;

  /** `events` gets a signal that aborts when the reader goes away or the server stops. */
  constructor(events: (signal: AbortSignal) => AsyncIterable<ServerEvent>) {
    this.events = events;
  }
}

const KEEP_ALIVE_MS = 15_000;
const encoder = new TextEncoder();

/**
 * The bytes of a stream: each event as `id` and `data`, a comment every 15 s, `data: [DONE]` after the last event.
 * Where the server stops, it ends without `[DONE]`, so that readers come back with the last id they saw.
 */
export function encodeEvents(stream: EventStream, stopping: AbortSignal): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, stopping]);
  let timer: NodeJS.Timeout | undefined;
  let iterator: AsyncIterator<ServerEvent> | undefined;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      iterator = stream.events(signal)[Symbol.asyncIterator]();
      controller.enqueue(encoder.encode(': open\n\n'));
      timer = setInterval(() => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(': keep-alive\n\n'));
      }, KEEP_ALIVE_MS);
    },
    async pull(controller) {
      const next = await iterator!.next().catch(() => undefined);
      if (next !== undefined && !next.done) {
        controller.enqueue(encoder.encode(`id: ${next.value.id}\ndata: ${JSON.stringify(next.value.data)}\n\n`));
        return;
      }
      clearInterval(timer);
      if (next?.done && !signal.aborted) controller.enqueue(encoder.encode('data: [DONE]\n\n'));
      controller.close();
    },
    async cancel() {
      clearInterval(timer);
      gone.abort();
      await iterator?.return?.(undefined);
    },
  });
}
