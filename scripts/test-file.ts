// One test file in a process of its own. The process leads a group, so that what a test leaves running ends with it.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestEvent } from './test-events.ts';

export interface FileResult {
  passed: number;
  failures: { name: string; text: string }[];
  /** `file: name: reason` of each. */
  skipped: string[];
  /** The end of what the process printed. */
  output: string;
  durationMs: number;
}

const timeLimitMs = 8 * 60_000;
const outputLimit = 64_000;
const reporter = pathToFileURL(join(import.meta.dirname, 'test-events.ts')).href;
const running = new Set<ChildProcess>();
const scratch = mkdtempSync(join(tmpdir(), 'reeve-test-events-'));
let count = 0;

process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** Runs a test file and tells what came of it. A file that crashes, takes over eight minutes or holds no test has failed. */
export async function runTestFile(
  root: string,
  file: string,
  env: NodeJS.ProcessEnv,
  limitMs: number = timeLimitMs,
): Promise<FileResult> {
  const eventsFile = join(scratch, `${(count += 1)}.events`);
  const begun = performance.now();
  const ended = await runProcess(root, file, { ...env, REEVE_TEST_EVENTS: eventsFile }, limitMs);
  return summarize(file, readEvents(eventsFile), ended, performance.now() - begun);
}

/** Ends every test process that is running, and what it started, at once. */
export function stopTestFiles(): void {
  for (const child of running) killGroup(child);
}

interface Ended {
  /** Undefined where it ended well. */
  trouble: string | undefined;
  output: string;
}

function runProcess(root: string, file: string, env: NodeJS.ProcessEnv, limitMs: number): Promise<Ended> {
  const child = spawn(process.execPath, [`--test-reporter=${reporter}`, file], {
    cwd: root,
    // What one process has compiled the others need not.
    env: { ...env, NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/reeve/compiled') },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  });
  running.add(child);
  let output = '';
  let isLate = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-outputLimit)));
  }
  const limit = setTimeout(() => {
    isLate = true;
    killGroup(child);
  }, limitMs);
  return new Promise((resolve) => {
    const end = (trouble: string | undefined): void => {
      clearTimeout(limit);
      running.delete(child);
      resolve({ trouble: isLate ? `was still running after ${limitMs / 1000} s and was ended` : trouble, output });
    };
    child.on('error', (error) => end(error.message));
    child.on('exit', (code, signal) => {
      killGroup(child);
      const trouble = code === 0 ? undefined : `ended with ${signal ?? `code ${code}`}`;
      // What it printed last may still be on its way; what it left running in a group of its own may never let go of it.
      const patience = setTimeout(end, 1_000, trouble);
      child.on('close', () => {
        clearTimeout(patience);
        end(trouble);
      });
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

function readEvents(path: string): TestEvent[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as TestEvent);
  } catch {
    return [];
  }
}

function summarize(file: string, events: TestEvent[], { trouble, output }: Ended, durationMs: number): FileResult {
  const passed = events.filter(({ kind, isTest }) => kind === 'passed' && isTest).length;
  const failures = events
    .filter(({ kind }) => kind === 'failed')
    .map((event) => ({ name: nameOf(event), text: event.text ?? '' }));
  const skipped = events
    .filter(({ kind }) => kind === 'skipped')
    .map((event) => `${file}: ${nameOf(event)}: ${event.text}`);
  if (trouble !== undefined && failures.length === 0) {
    const unfinished = unfinishedTests(events);
    failures.push({
      name: file,
      text: unfinished.length > 0 ? `${trouble} during: ${unfinished.join(', ')}` : trouble,
    });
  } else if (passed + failures.length + skipped.length === 0) {
    failures.push({ name: file, text: 'holds no test' });
  }
  return { passed, failures, skipped, output, durationMs };
}

function unfinishedTests(events: TestEvent[]): string[] {
  const open: string[] = [];
  for (const event of events) {
    if (event.kind === 'begun') open.push(nameOf(event));
    const at = event.kind === 'ended' ? open.lastIndexOf(nameOf(event)) : -1;
    if (at >= 0) open.splice(at, 1);
  }
  return open;
}

function nameOf({ path }: TestEvent): string {
  return path.join(' › ');
}
