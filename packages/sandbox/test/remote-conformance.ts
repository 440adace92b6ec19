import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@reeve/kit';
import { openChannel, startRpcServer, type RpcServer } from '@reeve/rpc';
import type { Egress } from '../src/egress/egress.ts';
import type { SandboxConfig } from '../src/system/backends.ts';
import { openSandbox, type Sandbox } from '../src/open.ts';
import { createRemoteDriver, type RemoteDriver } from '../src/remote/driver.ts';
import type { WorkspaceRoot } from '../src/remote/roots.ts';
import { programsService, type ProgramsServiceParts } from '../src/remote/service.ts';

/** A sandbox behind a service on this machine, and the driver that calls it. */
export interface RemoteTestSandbox extends AsyncDisposable {
  readonly driver: RemoteDriver;
  readonly server: RpcServer;
  /** `host:port`. */
  readonly target: string;
}

/** Any directory below one, so that a suite which makes its own directories runs elsewhere as it runs here. */
function anywhereBelow(directory: string): WorkspaceRoot {
  const most = { diskBytes: 512 * 1024 * 1024, files: 20_000 };
  return { open: async (path) => join(directory, path), quota: { allowance: async () => most } };
}

const toThisMachine: Egress['connect'] = async (_, port) => connect(port, '127.0.0.1');

/** Serves programs of the sandbox, below one directory, and opens the driver for it over the network. */
export async function openRemoteTestSandbox(
  sandbox: Pick<Sandbox, 'exec'>,
  directory: string,
  more: Partial<ProgramsServiceParts> = {},
): Promise<RemoteTestSandbox> {
  await using stack = new AsyncDisposableStack();
  const workspaces = { work: anywhereBelow(directory) };
  const places = { sandbox, workspaces, folders: { work: directory }, connect: toThisMachine, log: silentLog, ...more };
  const server = stack.use(
    await startRpcServer({
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      services: [programsService(places)],
      authenticate: async (header) => {
        const via = header('x-internal-service-secret') === SECRET ? 'internal' : 'api_key';
        return { tenantId: 'default', userId: 'ada', role: 'admin', via };
      },
      log: silentLog,
    }),
  );
  const target = new URL(server.url).host;
  const channel = stack.use(openChannel({ target, tls: undefined, internalSecret: SECRET }));
  const driver = createRemoteDriver({ channel, roots: { work: directory } });
  const parts = stack.move();
  return { driver, server, target, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** A sandbox for tests that has been probed; `remote` is bubblewrap behind a service, in this process. */
export async function openTestSandbox(
  config: SandboxConfig,
  connect: Egress['connect'] = toThisMachine,
): Promise<Pick<Sandbox, 'exec' | 'unavailable'> & AsyncDisposable> {
  const isRemote = config.sandboxBackend === 'remote';
  await using stack = new AsyncDisposableStack();
  const sandbox = stack.use(await openSandbox(isRemote ? { sandboxBackend: 'bubblewrap' } : config, silentLog));
  await sandbox.whenProbed();
  const place = isRemote ? stack.use(await openRemoteTestSandbox(sandbox, tmpdir(), { connect })) : undefined;
  const parts = stack.move();
  return {
    exec: (request, signal) =>
      place === undefined || request.language === 'javascript'
        ? sandbox.exec(request, signal)
        : place.driver.exec(request, signal),
    unavailable: sandbox.unavailable,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** What tests prove themselves by. */
export const SECRET = 'the-secret-of-this-test';
