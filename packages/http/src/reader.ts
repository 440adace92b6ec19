import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { ReeveError, type Log } from '@reeve/kit';

/** Whoever reads what is written to a connection as it is made. */
export interface Reader {
  /** Aborts when the reader goes away. */
  readonly gone: AbortSignal;
  /** Aborts when the reader goes away or the server stops. */
  readonly over: AbortSignal;
  /** Writes, and waits for a reader that is slow, until it is over. */
  send(chunk: string | Uint8Array): Promise<void>;
}

/** Does the work of a stream for the reader of a connection whose headers are said. */
export async function withReader(
  outgoing: ServerResponse,
  stopping: AbortSignal,
  work: (reader: Reader) => Promise<void>,
): Promise<void> {
  const left = new AbortController();
  const leave = () => left.abort();
  outgoing.once('close', leave);
  if (outgoing.destroyed) leave();
  const over = AbortSignal.any([left.signal, stopping]);
  const send = async (chunk: string | Uint8Array) => {
    if (!outgoing.write(chunk)) await once(outgoing, 'drain', { signal: over }).catch(() => undefined);
  };
  try {
    await work({ gone: left.signal, over, send });
  } finally {
    outgoing.off('close', leave);
  }
}

/** Tells of a stream that broke off: our own failure as an error, a caller who may not read on as what happens every day. */
export function logBreak(log: Log, thrown: unknown): void {
  const isOurs = !(thrown instanceof ReeveError) || thrown.status >= 500;
  log[isOurs ? 'error' : 'info']({ err: thrown }, 'a stream broke off');
}
