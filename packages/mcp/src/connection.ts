import type { ClientOptions, Remote } from './client.ts';
import type { ServerTarget } from './server.ts';

/*
 * closed ──use──► opening ──► open ──idle, or a fault of the connection──► closed
 *
 * Who uses it while it opens waits for the same connection. A server of 2025-11-25 may have given it a session, which it may
 * forget: a call that is refused for that is made once more over a new connection.
 */

/** The way to one server, opened when it is needed. */
export interface Connection extends AsyncDisposable {
  /** Does something with the server. Throws `timeout`, `upstream_error`, and what the guard of outgoing requests throws. */
  use<T>(work: (remote: Remote) => Promise<T>): Promise<T>;
}

const IDLE_MS = 60_000;

export function createConnection(target: ServerTarget, options: ClientOptions): Connection {
  let opened: Promise<Remote> | undefined;
  let idle: NodeJS.Timeout | undefined;
  let users = 0;

  async function close(): Promise<void> {
    clearTimeout(idle);
    const closing = opened;
    opened = undefined;
    const remote = await closing?.catch(() => undefined);
    await remote?.[Symbol.asyncDispose]();
  }

  async function attempt<T>(work: (remote: Remote) => Promise<T>): Promise<T> {
    // Loaded when the first server is asked: starting does not wait for it.
    const { faultOf, openRemote } = await import('./client.ts');
    const isKept = opened !== undefined;
    const mine = (opened ??= openRemote(target, options));
    try {
      return await work(await mine);
    } catch (thrown) {
      const { error, isOfTheCall, isSessionGone } = faultOf(thrown, target);
      if (!isOfTheCall && opened === mine) await close();
      if (isKept && isSessionGone) return await attempt(work);
      throw error;
    }
  }

  return {
    async use(work) {
      clearTimeout(idle);
      users += 1;
      try {
        return await attempt(work);
      } finally {
        users -= 1;
        if (users === 0) idle = setTimeout(() => void close(), IDLE_MS).unref();
      }
    },
    [Symbol.asyncDispose]: close,
  };
}
