import { addAbortListener } from 'node:events';
import { ReeveError } from '@reeve/kit';
import type { ClientOptions, RemoteServer } from './client.ts';
import type { ServerEndpoint } from './server.ts';

/*
 * closed ──use──► opening ──► open ──idle, or a fault of the connection──► retired ──its last user leaves──► closed
 *                    └──it cannot be opened──► closed
 *
 * Calls made while it opens wait for the same connection. A retired connection accepts no new calls; those in progress
 * continue, since one call's failure need not be theirs. A server of revision 2025-11-25 may drop its session: a call that
 * is refused for that reason is repeated once over a new connection.
 */

/** A connection to one server, opened on demand. Disposing it waits for calls in progress, unless Reeve stops. */
export interface Connection extends AsyncDisposable {
  /** Runs `work` with the server. Throws `timeout`, `upstream_error` and the errors of the outgoing-request guard. */
  use<T>(work: (remote: RemoteServer) => Promise<T>): Promise<T>;
}

interface Opened {
  readonly remote: Promise<RemoteServer>;
  users: number;
  /** Called when the last call of a retired connection ends. */
  onLeft?: () => void;
}

const IDLE_MS = 60_000;

export function createConnection(server: ServerEndpoint, options: ClientOptions): Connection {
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

  async function attempt<T>(work: (remote: RemoteServer) => Promise<T>, isRepeated = false): Promise<T> {
    // Loaded with the first call, so that it does not delay the start.
    const { explainFailure, openRemoteServer } = await import('./client.ts');
    const open = (): Opened => {
      const onClosed = () => void (opened === made && retire());
      const made: Opened = { remote: openRemoteServer(server, { ...options, onClosed }), users: 0 };
      return made;
    };
    if (isDisposed) throw new ReeveError('unavailable', 'this MCP server was changed or removed: try again');
    clearTimeout(idle);
    const isKept = opened !== undefined;
    const mine = (opened ??= open());
    mine.users += 1;
    try {
      const remote = await mine.remote.catch((thrown: unknown) => {
        // The next call opens a new connection, whatever the reason.
        if (opened === mine) opened = undefined;
        throw explainFailure(thrown, server.target, false).error;
      });
      try {
        return await work(remote);
      } catch (thrown) {
        const { error, isOfTheCall, isSessionGone } = explainFailure(thrown, server.target, remote.hasSession());
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

/** Closes a connection after its last call, or when Reeve stops. */
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
