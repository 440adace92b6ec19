// What of a process a test file may change and has to put back: environment, working directory, globals, signal handlers, and
// whatever keeps the process from ending.
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProcessState {
  env: Record<string, string | undefined>;
  directory: string;
  globals: Map<string, unknown>;
  listeners: Map<string, number>;
  /** By type, how many handles keep the event loop running. */
  resources: Map<string, number>;
}

/** `@hono/node-server` replaces them where a server starts. */
const replaced = new Set(['Request', 'Response']);
const guarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'uncaughtException', 'unhandledRejection'];
/** Sockets, child processes and timers may need this long to end after a test has ended, in milliseconds. */
const PATIENCE_MS = Number(process.env['REEVE_TEST_PATIENCE_MS'] ?? 20_000);

/** The state now. */
export function readState(): ProcessState {
  const resources = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) resources.set(type, (resources.get(type) ?? 0) + 1);
  const globals = Object.entries(Object.getOwnPropertyDescriptors(globalThis)).filter(
    ([name, found]) => 'value' in found && !replaced.has(name),
  );
  return {
    env: { ...process.env },
    directory: process.cwd(),
    globals: new Map(globals.map(([name, found]) => [name, found.value])),
    listeners: new Map(guarded.map((name) => [name, process.listenerCount(name)])),
    resources,
  };
}

/** What is other than before, one line each; waits a moment for handles that are closing. Clears a failing exit code. */
export async function findTraces(before: ProcessState): Promise<string[]> {
  const until = performance.now() + PATIENCE_MS;
  let now = readState();
  while (openedSince(before, now).length > 0 && performance.now() < until) {
    await sleep(10);
    now = readState();
  }
  const names = new Set([...Object.keys(before.env), ...Object.keys(now.env)]);
  const traces = [
    ...[...names].filter((name) => before.env[name] !== now.env[name]).map((name) => `process.env.${name} changed`),
    ...(before.directory === now.directory ? [] : [`the working directory is ${now.directory}`]),
    ...[...before.globals]
      .filter(([name, value]) => !Object.is(now.globals.get(name), value))
      .map(([name]) => `${name} changed`),
    ...guarded
      .filter((name) => before.listeners.get(name) !== now.listeners.get(name))
      .map((name) => `${now.listeners.get(name)} listeners of ${name}, ${before.listeners.get(name)} before`),
    ...openedSince(before, now),
  ];
  if (process.exitCode !== undefined) traces.push('an error after the end of a test; see the output');
  process.exitCode = undefined;
  return traces;
}

/** Puts back what can be put back, so that only the file that changed it fails. */
export function resetState(before: ProcessState): void {
  for (const name of Object.keys(process.env)) if (!(name in before.env)) delete process.env[name];
  Object.assign(process.env, before.env);
  process.chdir(before.directory);
  for (const [name, value] of before.globals)
    if (!Object.is(Reflect.get(globalThis, name), value)) Reflect.set(globalThis, name, value);
}

function openedSince(before: ProcessState, now: ProcessState): string[] {
  return [...now.resources]
    .filter(([type, count]) => count > (before.resources.get(type) ?? 0))
    .map(([type, count]) => `${count} × ${type} open, ${before.resources.get(type) ?? 0} before`);
}
