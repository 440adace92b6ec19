import { addAbortListener } from 'node:events';
import { ReeveError } from '@reeve/kit';
import type { ClientOptions, Remote } from './client.ts';
import type { Askable } from './server.ts';

/*
 * closed ──use──► opening ──► open ──idle, or a fault of the connection──► retired ──its last user leaves──► closed
 *                    └──it cannot be opened──► closed
 *
 * Who uses it while it opens waits for the same connection. A retired one takes nobody new, and its users go on: what one of
 * them met is not theirs. A server of 2025-11-25 may have given it a session, which it may forget: a call that is refused for
 * that is made once more over a new connection.
 */

/** The way to one server, opened when it is needed. Disposing it waits for who uses it, unless everything stops. */
export interface Connection extends AsyncDisposable {
  /** Does something with the server. Throws `timeout`, `upstream_error`, and what the guard of outgoing requests throws. */
  use<T>(work: (remote: Remote) => Promise<T>): Promise<T>;
}

interface Opened {
  readonly remote: Promise<Remote>;
  users: number;
  /** Called when its last user has left, once it is retired. */
  onLeft?: () => void;
}

const IDLE_MS = 60_000;

export function createConnection(server: Askable, options: ClientOptions): Connection {
  let opened: Opened | undefined;
  let isDisposed = false;
  let idle: NodeJS.Timeout | undefined;
  const closing = new Set<Promise<void>>();

  function retire(): void {
    clearTimeout(idle);
    if (opened === undefined) return;
    const closed = close(opened, options.stopping).finally(() => closing.delete(closed));
    closing.add(closed);
    opened = undefined;
  }

  function leave(left: Opened): void {
    left.users -= 1;
    if (left.users > 0) return;
    if (opened === left) idle = setTimeout(retire, IDLE_MS).unref();
    left.onLeft?.();
  }

  async function attempt<T>(work: (remote: Remote) => Promise<T>, isRepeated = false): Promise<T> {
    // Loaded when the first server is asked: starting does not wait for it.
    const { faultOf, openRemote } = await import('./client.ts');
    const open = (): Opened => {
      const onClosed = () => void (opened === made && retire());
      const made: Opened = { remote: openRemote(server, { ...options, onClosed }), users: 0 };
      return made;
    };
    if (isDisposed) throw new ReeveError('unavailable', 'this MCP server was changed or removed: try again');
    clearTimeout(idle);
    const isKept = opened !== undefined;
    const mine = (opened ??= open());
    mine.users += 1;
    try {
      const remote = await mine.remote.catch((thrown: unknown) => {
        // Whatever it was: who comes next tries anew.
        if (opened === mine) opened = undefined;
        throw faultOf(thrown, server.target, false).error;
      });
      try {
        return await work(remote);
      } catch (thrown) {
        const { error, isOfTheCall, isSessionGone } = faultOf(thrown, server.target, remote.hasSession());
        if (!isOfTheCall && opened === mine) retire();
        if (!isKept || !isSessionGone || isRepeated) throw error;
      }
    } finally {
      leave(mine);
    }
    return attempt(work, true);
  }

  return {
    use: (work) => attempt(work),
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      retire();
      await Promise.all(closing);
    },
  };
}

/** Closes a connection once its last user has left, or everything stops. */
async function close(retired: Opened, stopping: AbortSignal): Promise<void> {
  if (retired.users > 0) {
    const { promise, resolve } = Promise.withResolvers<void>();
    retired.onLeft = resolve;
    using _listening = addAbortListener(stopping, () => resolve());
    await promise;
  }
  const remote = await retired.remote.catch(() => undefined);
  await remote?.[Symbol.asyncDispose]();
}
