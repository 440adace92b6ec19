import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Holder } from '@reeve/db';
import { fail, ok, type Check } from './check.ts';

/** The server's address is free, or our own server listens there. */
export async function checkPort(host: string, port: number, holder: Holder | undefined): Promise<Check> {
  if (port === 0) return ok('port', 'a free one is taken at the start');
  const code = await tryToListen(host, port);
  if (code === undefined) return ok('port', `${host}:${port} is free`);
  if (code !== 'EADDRINUSE')
    return fail(
      'port',
      `${host}:${port} cannot be listened on: ${code}`,
      'choose an address of this machine in REEVE_HOST, or a port above 1023 in REEVE_PORT',
    );
  if (holder?.url != null && new URL(holder.url).port === String(port))
    return ok('port', `${host}:${port}: the running server, process ${holder.pid}`);
  return fail(
    'port',
    `${host}:${port} is taken by ${listenerOn(port) ?? 'another process'}`,
    'stop that, or choose another port with REEVE_PORT',
  );
}

function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** Who listens on a port, from /proc: Linux only, and only processes that this user may look at. */
function listenerOn(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = ['tcp', 'tcp6']
    .flatMap((table) => readLines(`/proc/net/${table}`))
    .map((line) => line.trim().split(/\s+/));
  const inode = rows.find(([, local, , state]) => state === '0A' && local?.endsWith(`:${hex}`))?.[9];
  if (inode === undefined) return undefined;
  for (const pid of list('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!list(`/proc/${pid}/fd`).some((fd) => link(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`)) continue;
    const command = readLines(`/proc/${pid}/cmdline`).join(' ').replaceAll('\u0000', ' ').trim();
    return `process ${pid}${command === '' ? '' : ` (${command.slice(0, 100)})`}`;
  }
  return undefined;
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
