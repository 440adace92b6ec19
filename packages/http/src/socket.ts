import { ReeveError, Signal, sleep, withContext, type Log, type RequestContext } from '@reeve/kit';
import type { RawData, WebSocket } from 'ws';
import { failureOf, shownFailure } from './failure.ts';

/*
 * The life of a WebSocket
 *
 *   (accepted over HTTP) ──ack──► open ──served, failed, slow, server stops, peer closes──► closing ──► closed
 *
 * `signal` aborts as soon as it is no longer open; what is sent afterwards is dropped. A peer that does not close
 * with us, or that answers no ping, is cut off.
 */

/** One open WebSocket. Frames are JSON in both directions; the server's are `{event, data}`. */
export interface Connection {
  /** Aborts when the connection closes, whoever closes it, and when the server stops. */
  readonly signal: AbortSignal;
  /**
   * Sends a frame, and resolves when there is room for another. A peer that leaves more than 1 MiB waiting for 5 s is
   * closed with 1013. Never fails: on a closed connection it does nothing.
   */
  send(event: string, data: unknown): Promise<void>;
  /**
   * The frames that come from this call on, until the connection closes; without a call they are ignored. A peer that is
   * more than 100 frames ahead is closed with 1008. What is no JSON is answered with an `error` frame and not given.
   */
  frames(): AsyncGenerator<unknown, void>;
}

/** How a WebSocket is served once it is open. */
export interface Served {
  /** What the `ack` frame says beside the ids of the request. */
  readonly ack?: Readonly<Record<string, unknown>>;
  /** Works until it resolves, which closes the connection, or throws, which tells the peer why first. */
  readonly serve: (connection: Connection) => Promise<void>;
}

export interface SocketParts {
  readonly context: RequestContext;
  /** Closes the connection with 1012, so that the peer comes back. */
  readonly stopping: AbortSignal;
  readonly log: Log;
}

/** Bytes of one frame that a peer may send. */
export const FRAME_LIMIT = 1024 * 1024;
const PING_MS = 15_000;
const WAITING_LIMIT = 1024 * 1024;
const SLOW_MS = 5_000;
const CLOSE_MS = 5_000;
const UNREAD_LIMIT = 100;

const DONE = 1000;
const POLICY = 1008;
const FAILED = 1011;
const RESTART = 1012;
const TRY_AGAIN = 1013;

/** Serves a WebSocket to its end. Its log lines carry the ids of the request that opened it. */
export function serveSocket(socket: WebSocket, { ack, serve }: Served, parts: SocketParts): void {
  const { context, stopping, log } = parts;
  withContext(context, () => {
    const closing = new AbortController();
    let cut: NodeJS.Timeout | undefined;
    const close = (code: number, reason: string) => {
      closing.abort();
      if (socket.readyState === socket.CLOSED) return;
      socket.close(code, reason);
      cut ??= setTimeout(() => socket.terminate(), CLOSE_MS);
    };
    const stop = () => close(RESTART, 'the server stops; come back');
    const heartbeat = keepAlive(socket);
    socket.on('error', (error) => log.debug({ err: error }, 'a WebSocket failed'));
    socket.once('close', () => {
      closing.abort();
      clearInterval(heartbeat);
      clearTimeout(cut);
      stopping.removeEventListener('abort', stop);
    });
    stopping.addEventListener('abort', stop, { once: true });
    const connection = connectionOf(socket, closing.signal, close);
    void connection.send('ack', { request_id: context.requestId, trace_id: context.traceId, ...ack });
    if (stopping.aborted) return stop();
    serve(connection).then(
      () => close(DONE, ''),
      (thrown: unknown) => {
        if (closing.signal.aborted) return;
        const error = failureOf(thrown);
        if (error.status >= 500) log.error({ err: error }, 'a WebSocket broke off');
        void connection.send('error', errorFrame(error));
        close(FAILED, error.reason);
      },
    );
  });
}

function connectionOf(
  socket: WebSocket,
  signal: AbortSignal,
  close: (code: number, reason: string) => void,
): Connection {
  let receive: (frame: unknown) => void = () => {};
  const connection: Connection = {
    signal,
    async send(event, data) {
      if (signal.aborted || socket.readyState !== socket.OPEN) return;
      const written = new AbortController();
      socket.send(JSON.stringify({ event, data }), () => written.abort());
      if (socket.bufferedAmount <= WAITING_LIMIT) return;
      await sleep(SLOW_MS, AbortSignal.any([signal, written.signal]));
      if (socket.bufferedAmount > WAITING_LIMIT) close(TRY_AGAIN, 'too slow; come back and go on after the last event');
    },
    frames() {
      const unread: unknown[] = [];
      const wake = new Signal();
      receive = (frame) => {
        if (unread.push(frame) > UNREAD_LIMIT) close(POLICY, `more than ${UNREAD_LIMIT} frames at once`);
        wake.raise();
      };
      return take(unread, wake, signal);
    },
  };
  socket.on('message', (data, binary) => {
    const frame = binary ? undefined : parse(data);
    if (frame !== undefined) receive(frame.value);
    else void connection.send('error', errorFrame(new ReeveError('invalid_request', 'a frame must be JSON text')));
  });
  return connection;
}

/** An error as frames tell it: `message` is what the events of runs call what an error body calls `error`. */
export function errorFrame(thrown: unknown): Readonly<Record<string, unknown>> {
  const shown = shownFailure(failureOf(thrown));
  return { ...shown, message: shown.error };
}

async function* take(unread: unknown[], wake: Signal, signal: AbortSignal): AsyncGenerator<unknown, void> {
  while (!signal.aborted) {
    if (unread.length > 0) yield unread.shift();
    else await wake.wait(PING_MS, signal);
  }
}

function parse(data: RawData): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse((data as Buffer).toString()) as unknown };
  } catch {
    return undefined;
  }
}

/** Pings the peer, and cuts it off where the ping before was not answered. */
function keepAlive(socket: WebSocket): NodeJS.Timeout {
  let alive = true;
  socket.on('pong', () => (alive = true));
  return setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, PING_MS);
}
