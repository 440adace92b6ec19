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
  /** Runs the only file of this process, which may change the process as it likes, but has to let it end. */
  runAlone(file: string, limitMs?: number): Promise<FileResult>;
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

const eventFiles = new Set<number>();

process.on('exit', () => {
  for (const file of eventFiles) closeSync(file);
  rmSync(scratch, { recursive: true, force: true });
});

/** Starts one with this environment. It loads nothing but the test runner and the module `setup` until it is given a file. */
export function startTestProcess(root: string, env: NodeJS.ProcessEnv, setup?: string): TestProcess {
  const readEvents = openEvents(join(scratch, `${(count += 1)}.events`));
  const child = fork(host, setup === undefined ? [] : [join(root, setup)], {
    cwd: root,
    execArgv: [`--test-reporter=${reporter}`],
    env: {
      ...env,
      REEVE_TEST_EVENTS: readEvents.path,
      // Set where the runner's own tests run under `node --test`; it would take the reporter's place.
      NODE_TEST_CONTEXT: undefined,
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
  const streams = [child.stdout!, child.stderr!].map(
    (stream) => new Promise((resolve) => stream.once('close', resolve)),
  );
  const closed = Promise.all(streams);
  let isUsable = true;
  const run = async (file: string, limitMs: number, isAlone: boolean): Promise<FileResult> => {
    output = '';
    const begun = performance.now();
    const reply = await ask(child, { file, isAlone }, limitMs);
    let trouble = typeof reply === 'object' ? describeTraces(reply.traces) : reply;
    if (isAlone && typeof reply === 'object') {
      if (child.connected) child.disconnect();
      const end = await within(Math.max(1_000, limitMs - (performance.now() - begun)), ended);
      trouble = end === 'ended with code 0' ? undefined : end;
    }
    isUsable = !isAlone && typeof reply === 'object' && reply.memoryBytes < memoryLimitBytes;
    if (reply === undefined || trouble === 'late') killGroup(child);
    if (reply === undefined) trouble = await ended;
    if (trouble === 'late') trouble = `was still running after ${limitMs / 1000} s and was ended`;
    // What it printed last may still be on its way.
    if (isAlone || reply === undefined || reply === 'late') await within(1_000, closed);
    return summarize(file, readEvents(), { trouble, output }, performance.now() - begun);
  };
  return {
    get isUsable() {
      return isUsable && child.connected;
    },
    run: (file, limitMs = timeLimitMs) => run(file, limitMs, false),
    runAlone: (file, limitMs = timeLimitMs) => run(file, limitMs, true),
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await within(closingLimitMs, ended);
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
  eventFiles.add(file);
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

async function within<T>(ms: number, awaited: Promise<T>): Promise<T | 'late'> {
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(late.resolve, ms, 'late' as const);
  try {
    return await Promise.race([awaited, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
