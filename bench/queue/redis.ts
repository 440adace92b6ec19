import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../free-port.ts';

export interface RedisServer extends AsyncDisposable {
  readonly url: string;
}

/** What `redis-server --version` says, or undefined where there is none. */
export function redisVersion(): string | undefined {
  try {
    return /v=([\d.]+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1];
  } catch {
    return undefined;
  }
}

/** A Redis of our own on a free port of loopback. `durable`: it syncs its log before it answers a write, as PostgreSQL does. */
export async function startRedis(durable: boolean): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'reeve-bench-redis-'));
  const port = await freePort();
  const log = durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory, '--save', '', ...log];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(server, 'exit');
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill);
  await Promise.race([
    untilReady(server.stdout),
    exited.then(() => Promise.reject(new Error('redis-server ended before it was ready'))),
  ]);
  return {
    url: `redis://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      kill();
      process.off('exit', kill);
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function untilReady(output: NodeJS.ReadableStream): Promise<void> {
  const lines = createInterface(output);
  for await (const line of lines) if (line.includes('Ready to accept connections')) break;
  output.resume();
}
