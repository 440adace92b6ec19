import { join } from 'node:path';
import { silentLog } from '@reeve/kit';
import { openChannel, startRpcServer } from '@reeve/rpc';
import type { Sandbox } from '@reeve/sandbox';
import { createRemoteDriver } from '@reeve/sandbox/remote';
import { programsService } from '@reeve/sandbox/rpc';

/** A sandbox over the network of this machine, in this same process: what the way there and back costs, and no more. */
export async function openElsewhere(
  sandbox: Sandbox,
  directory: string,
): Promise<Pick<Sandbox, 'exec'> & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const room = { diskBytes: 2 ** 29, files: 20_000 };
  const root = { open: async (path: string) => join(directory, path), quota: { allowance: async () => room } };
  const connect = () => Promise.reject(new Error('no host is open'));
  const places = { sandbox, workspaces: { bench: root }, folders: {}, connect, log: silentLog };
  const server = stack.use(
    await startRpcServer({
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      services: [programsService(places)],
      authenticate: async () => ({ tenantId: 'default', userId: 'bench', role: 'admin', via: 'internal' }),
      log: silentLog,
    }),
  );
  const target = new URL(server.url).host;
  const channel = stack.use(openChannel({ target, tls: undefined, internalSecret: undefined }));
  const { exec } = createRemoteDriver({ channel, roots: { bench: directory } });
  const parts = stack.move();
  return { exec, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
