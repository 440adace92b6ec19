import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { TenantSettings } from '@reeve/contract';
import type { Principal } from '@reeve/http';
import { sleep } from '@reeve/kit';
import { createClient } from '@redis/client';
import type { Policies } from '../src/policy/open.ts';
import { composePolicy } from '../src/policy/policy.ts';

/** Policies that say the same of every tenant. */
export function samePolicies(settings: TenantSettings): Pick<Policies, 'of'> {
  return { of: async (tenantId) => composePolicy(tenantId, [{ origin: 'file', settings }]) };
}

/** Somebody with a stored key. */
export function caller(tenantId = 'default', keyId = 'k1'): Principal {
  return { tenantId, userId: 'ada', role: 'member', via: 'api_key', keyId };
}

/** Why tests of Redis are left out here; false where they are not. */
export const withoutRedis =
  spawnSync('redis-server', ['--version']).error !== undefined && 'redis-server is not installed';

/** A Redis of a test's own, which it may kill. */
export interface OwnRedis extends AsyncDisposable {
  readonly url: string;
  kill(): Promise<void>;
  /** Stops it where it is, so that it answers nothing, or lets it go on. */
  freeze(isFrozen: boolean): void;
  /** Begins again, on the same port, with nothing in it. */
  start(): Promise<void>;
}

/** Starts one on a free port of this machine. */
export async function startRedis(): Promise<OwnRedis> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  async function start(): Promise<void> {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    child = spawn('redis-server', args, { stdio: 'ignore', cwd: '/tmp' });
    const client = createClient({ url, socket: { reconnectStrategy: 20 } }).on('error', () => undefined);
    await client.connect();
    client.destroy();
  }
  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
  await start();
  const freeze = (isFrozen: boolean) => void child?.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
  return { url, kill, freeze, start, [Symbol.asyncDispose]: kill };
}

/** Waits until something is so, up to ten seconds. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000; !(await isSo()); await sleep(10))
    if (performance.now() > end) throw new Error(`still not: ${what}`);
}
