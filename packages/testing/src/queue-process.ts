import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./queue-worker.ts', import.meta.url));
const clock = new URL('./queue-clock.ts', import.meta.url).href;

/** What a worker process is told, as JSON in its first argument. */
export interface QueueWorkerOptions {
  /** PostgreSQL; undefined: the embedded database in the directory. */
  readonly url: string | undefined;
  readonly dataDirectory: string;
  readonly owner: string;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly leaseMs: number;
  /** A file to which its handler adds a line for each effect. */
  readonly effects: string;
  /** Ends by itself when no task is pending any more. */
  readonly untilIdle?: boolean;
  /** How wrong its clock is, in milliseconds. */
  readonly clockOffMs?: number;
}

/** A worker of the queue in a process of its own; disposing kills it. */
export interface QueueProcess extends AsyncDisposable {
  readonly owner: string;
  /** Resolves when it has ended, with its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly hasExited: boolean;
  send(signal: NodeJS.Signals): void;
  /** What it wrote before it ended, to say why it did. */
  readonly output: () => string;
}

/** One line that a worker wrote outside of the database; `up` tells of no task. */
export interface QueueEffect {
  readonly what: 'up' | 'begun' | 'done';
  readonly taskId: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly owner: string;
}

/** Starts a worker process. */
export function startQueueProcess(options: QueueWorkerOptions): QueueProcess {
  const preload = options.clockOffMs === undefined ? [] : ['--import', clock];
  const child = spawn(process.execPath, [...preload, script, JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
  const exited = once(child, 'exit').then(([code, signal]) => (code as number | null) ?? (signal as NodeJS.Signals));
  return {
    owner: options.owner,
    exited,
    get hasExited() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    send: (signal) => void child.kill(signal),
    output: () => output,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The effects so far, in the order in which they were written. */
export function readEffects(file: string): QueueEffect[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [what, taskId, attempt, epoch, owner] = line.split(' ') as [
      QueueEffect['what'],
      string,
      string,
      string,
      string,
    ];
    return { what, taskId, attempt: Number(attempt), epoch: Number(epoch), owner };
  });
}
