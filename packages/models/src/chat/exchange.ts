import type { Dispatcher } from 'undici';

/** An HTTP response whose headers have arrived. */
export interface Exchange {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body, readable once, in pieces: each holds all bytes since the last one. Throws the error that interrupted it. */
  body(): AsyncGenerator<Buffer, void>;
}

/** Bytes buffered for the reader before the connection is paused. */
const MAX_BUFFERED = 1024 * 1024;

/**
 * Sends a request and resolves with the response headers. It reads straight from undici's parser: a Node or web stream
 * around it would cost more than the rest of a call. Aborting `signal` ends it at once, with the signal's reason as error.
 */
export function openExchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  onByte: () => void,
  signal: AbortSignal,
): Promise<Exchange> {
  const opened = Promise.withResolvers<Exchange>();
  let chunks: Buffer[] = [];
  let size = 0;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let controller: Dispatcher.DispatchController | undefined;
  let wake: (() => void) | undefined;

  async function* body(): AsyncGenerator<Buffer, void> {
    for (;;) {
      if (chunks.length > 0) {
        const piece = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
        chunks = [];
        size = 0;
        if (controller?.paused) controller.resume();
        yield piece;
      } else if (failure !== undefined) throw failure.error;
      else if (ended) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  function close(error?: { readonly error: unknown }): void {
    signal.removeEventListener('abort', abort);
    ended = true;
    failure ??= error;
    if (failure !== undefined) opened.reject(failure.error);
    wake?.();
  }
  function abort(): void {
    close({ error: signal.reason });
    controller?.abort(signal.reason as Error);
  }

  signal.addEventListener('abort', abort, { once: true });
  dispatcher.dispatch(request, {
    onRequestStart(started) {
      controller = started;
      if (signal.aborted) started.abort(signal.reason as Error);
    },
    onResponseStart(_, status, headers) {
      if (status >= 200) opened.resolve({ status, headers, body });
    },
    onResponseData(_, chunk) {
      onByte();
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_BUFFERED) controller?.pause();
      wake?.();
    },
    onResponseEnd: () => close(),
    onResponseError: (_, error) => close({ error }),
  });
  if (signal.aborted) abort();
  return opened.promise;
}
