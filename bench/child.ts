import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** A small server in a process of its own. */
export interface ChildServer extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** Starts Node with these arguments and waits for its first line of output, which is its URL. */
export async function startChild(args: readonly string[]): Promise<ChildServer> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const first = once(createInterface(child.stdout), 'line').then(([line]) => String(line));
  const url = await Promise.race([first, exited.then(() => undefined)]);
  if (url === undefined) throw new Error(`node ${args.join(' ')} ended before it listened`);
  return {
    url,
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Memory of a process that is in RAM, in megabytes (10^6 bytes). Linux only: elsewhere NaN. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6;
}

/** Processor time that a process has used so far, in milliseconds, in steps of ten. Linux only: elsewhere NaN. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? Number.NaN) + Number(fields[12] ?? Number.NaN)) * 10;
}

/**
 * Processor time that each of PostgreSQL's processes for one of its databases has used so far, in milliseconds by process; its
 * writers are for all databases and not among them. Empty where none is seen: the server is elsewhere, or this is not Linux.
 */
export async function databaseCpuMs(database: string): Promise<Map<string, number>> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = new Map<string, number>();
  for (const pid of pids) {
    const title = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!title.startsWith('postgres: ') || !title.split(' ').includes(database)) continue;
    const [nanoseconds] = (await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '')).split(' ');
    if (nanoseconds) found.set(pid, Number(nanoseconds) / 1e6);
  }
  return found;
}
