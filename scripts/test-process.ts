// A process that runs test files one after the other, seen from the runner. The process leads a group, so that what a test
// leaves running ends with it. Files that share a process pay once for loading the code that they test.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { summarize } from './file-result.ts';
import type { FileResult } from './file-result.ts';
import type { TestEvent } from './test-events.ts';
import type { HostReply, HostRequest } from './test-host.ts';

/** One process for test files. */
export interface TestProcess extends AsyncDisposable {
  /** False once a file made it end, or it has grown too large for another file. */
  readonly isUsable: boolean;
  /** Runs one file. A file that crashes, takes longer than the limit, leaves a trace in the process or holds no test has failed. */
  run(file: string, limitMs?: number): Promise<FileResult>;
}

const timeLimitMs = 8 * 60_000;
const closingLimitMs = 10_000;
const memoryLimitBytes = 1.5 * 2 ** 30;
const outputLimit = 64_000;
const host = join(import.meta.dirname, 'test-host.ts');
const reporter = pathToFileURL(join(import.meta.dirname, 'test-events.ts')).href;
const running = new Set<ChildProcess>();
const scratch = mkdtempSync(join(tmpdir(), 'reeve-test-events-'));
let count = 0;

process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Starts one with this environment. It loads nothing but the test runner until it is given a file. */
export function startTestProcess(root: string, env: NodeJS.ProcessEnv): TestProcess {
  const readEvents = openEvents(join(scratch, `${(count += 1)}.events`));
  const child = fork(host, {
    cwd: root,
    execArgv: [`--test-reporter=${reporter}`],
    env: {
      ...env,
      REEVE_TEST_EVENTS: readEvents.path,
      // What one process has compiled the others need not.
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/reeve/compiled'),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: process.platform !== 'win32',
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-outputLimit)));
  const ended = waitForEnd(child);
  const closed = new Promise((resolve) => child.once('close', resolve));
  let isUsable = true;
  return {
    get isUsable() {
      return isUsable && child.connected;
    },
    async run(file, limitMs = timeLimitMs) {
      output = '';
      const begun = performance.now();
      const reply = await ask(child, { file }, limitMs);
      const isReply = typeof reply === 'object';
      if (!isReply) killGroup(child);
      const trouble = isReply
        ? describeTraces(reply.traces)
        : reply === 'late'
          ? `was still running after ${limitMs / 1000} s and was ended`
          : await ended;
      // What it printed last may still be on its way.
      if (!isReply) await Promise.race([closed, sleep(1_000)]);
      isUsable = isReply && reply.memoryBytes < memoryLimitBytes;
      return summarize(file, readEvents(), { trouble, output }, performance.now() - begun);
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await Promise.race([ended, sleep(closingLimitMs)]);
      killGroup(child);
    },
  };
}

/** Ends every test process that is running, and what it started, at once. */
export function stopTestProcesses(): void {
  for (const child of running) killGroup(child);
}

/** The reply; undefined where the process ended, or was ended because it took too long. */
async function ask(
  child: ChildProcess,
  request: HostRequest,
  limitMs: number,
): Promise<HostReply | 'late' | undefined> {
  const { promise, resolve } = Promise.withResolvers<HostReply | 'late' | undefined>();
  const onExit = (): void => resolve(undefined);
  const limit = setTimeout(resolve, limitMs, 'late' as const);
  child.once('message', resolve).once('exit', onExit);
  child.send(request, (error) => error && resolve(undefined));
  const reply = await promise;
  clearTimeout(limit);
  child.off('message', resolve).off('exit', onExit);
  return reply;
}

/** Resolves when the process has ended, with how it did. */
function waitForEnd(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => {
      killGroup(child);
      running.delete(child);
      resolve(`ended with ${signal ?? `code ${code}`}`);
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // Nothing of it runs any more.
  }
}

function describeTraces(traces: string[]): string | undefined {
  return traces.length === 0 ? undefined : `left the process changed:\n${traces.join('\n')}`;
}

/** Makes the file of events; each call returns what was appended since the one before. */
function openEvents(path: string): (() => TestEvent[]) & { path: string } {
  const file = openSync(path, 'a+');
  let at = 0;
  process.on('exit', () => closeSync(file));
  const read = (): TestEvent[] => {
    const parts: Buffer[] = [];
    for (;;) {
      const part = Buffer.alloc(1 << 16);
      const bytes = readSync(file, part, 0, part.length, at);
      if (bytes === 0) break;
      at += bytes;
      parts.push(part.subarray(0, bytes));
    }
    const lines = Buffer.concat(parts).toString('utf8').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as TestEvent);
  };
  return Object.assign(read, { path });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
