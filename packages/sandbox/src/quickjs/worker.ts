import { parentPort, workerData } from 'node:worker_threads';
import {
  RELEASE_SYNC,
  newQuickJSWASMModule,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
} from 'quickjs-emscripten';

/** The worker’s input. */
export interface WorkerInput {
  readonly code: string;
  readonly stdin: string | null;
  readonly env: Readonly<Record<string, string>> | null;
  readonly maxOutputBytes: number;
  readonly memoryBytes: number;
}

/** The worker’s messages, in order: `ready`, any number of `output`, then one of the others. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'output'; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly kind: 'result'; readonly json: string | undefined; readonly truncated: boolean }
  | { readonly kind: 'exception'; readonly message: string };

const FLUSH_MS = 25;
const PAGE_BYTES = 64 * 1024;
/** The module’s minimum memory. */
const INITIAL_PAGES = 256;
const STACK_BYTES = 512 * 1024;
const MAX_DEPTH = 60;

/**
 * Evaluated in the engine before the caller's code: makes `console`, and returns a function that gives a value as
 * JSON text. It runs inside, so that no value of the caller is ever walked by the host.
 */
const PRELUDE = `(write) => {
  const { stringify } = JSON;
  const json = (value) => {
    try { return stringify(value); } catch { return undefined; }
  };
  const show = (value) => {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return String(value) + '\\n' + value.stack;
    return (typeof value === 'object' ? json(value) : undefined) ?? String(value);
  };
  const printer = (stream) => (...values) => { write(stream, values.map(show).join(' ') + '\\n'); };
  const out = printer('stdout'), err = printer('stderr');
  globalThis.console = { log: out, info: out, debug: out, warn: err, error: err };
  return (value) => {
    if (value === undefined) return undefined;
    const text = typeof value === 'number' && !Number.isFinite(value) ? undefined : json(value);
    return text ?? stringify(String(value));
  };
}`;

const input = workerData as WorkerInput;
const writer = createWriter(input.maxOutputBytes);
const quickjs = await newQuickJSWASMModule(newVariant(RELEASE_SYNC, { wasmMemory: createMemory(input.memoryBytes) }));
post({ kind: 'ready' });
const ending = evaluate(quickjs.newContext());
writer.flush();
post(ending);

function post(message: WorkerMessage): void {
  parentPort!.postMessage(message);
}

/**
 * The engine's whole memory. Its own limit is not enough: in this build it does not know the size of an allocation and
 * counts 8 bytes for each.
 */
function createMemory(bytes: number): WebAssembly.Memory {
  return new WebAssembly.Memory({
    initial: INITIAL_PAGES,
    maximum: Math.max(INITIAL_PAGES, Math.floor(bytes / PAGE_BYTES)),
  });
}

function evaluate(context: QuickJSContext): WorkerMessage {
  const { runtime } = context;
  runtime.setMaxStackSize(STACK_BYTES);
  runtime.setInterruptHandler(() => {
    writer.flushIfDue();
    return false;
  });
  const toJson = installPrelude(context);
  if (input.stdin !== null) context.setProp(context.global, 'stdin', context.newString(input.stdin));
  if (input.env !== null) {
    const env = context.newObject();
    for (const [name, value] of Object.entries(input.env)) context.setProp(env, name, context.newString(value));
    context.setProp(context.global, 'env', env);
  }

  const evaluated = context.evalCode(input.code, 'code.js', { type: 'global' });
  if (evaluated.error) return failure(context, evaluated.error);
  const jobs = runtime.executePendingJobs();
  if (jobs.error) return failure(context, jobs.error);
  const settled = context.getPromiseState(evaluated.value);
  if (settled.type === 'rejected') return failure(context, settled.error);
  if (settled.type === 'pending') {
    return {
      kind: 'exception',
      message: 'the code ended in a promise that never settles; there are no timers and no network here',
    };
  }
  const text = context.callFunction(toJson, context.undefined, settled.value);
  if (text.error) return failure(context, text.error);
  return toResult(context.typeof(text.value) === 'string' ? context.getString(text.value) : undefined);
}

function installPrelude(context: QuickJSContext): QuickJSHandle {
  const write = context.newFunction('write', (stream, text) => {
    writer.write(context.getString(stream) === 'stderr' ? 'stderr' : 'stdout', context.getString(text));
  });
  const prelude = context.unwrapResult(context.evalCode(PRELUDE, 'prelude.js', { type: 'global' }));
  return context.unwrapResult(context.callFunction(prelude, context.undefined, write));
}

/** An exception as its message; message and stack go to standard error as well. */
function failure(context: QuickJSContext, error: QuickJSHandle): WorkerMessage {
  const message = describeError(context, error);
  const stack = context.typeof(error) === 'object' ? readProperty(context, error, 'stack') : undefined;
  writer.write('stderr', stack === undefined ? `${message}\n` : `${message}\n${stack.trimEnd()}\n`);
  return { kind: 'exception', message: message.slice(0, 2_000) };
}

function readProperty(context: QuickJSContext, handle: QuickJSHandle, name: string): string | undefined {
  const property = context.getProp(handle, name);
  return context.typeof(property) === 'string' ? context.getString(property) : undefined;
}

function describeError(context: QuickJSContext, error: QuickJSHandle): string {
  if (context.typeof(error) !== 'object') return `uncaught ${context.getString(error)}`;
  if (context.sameValue(error, context.null))
    return 'uncaught null, which is also what the engine throws where its memory is used up';
  const name = readProperty(context, error, 'name');
  const message = readProperty(context, error, 'message');
  return name === undefined && message === undefined ? 'uncaught object' : `${name ?? 'Error'}: ${message ?? ''}`;
}

/** JSON too large or too deep for the host becomes a string, so that nothing later stumbles over it. */
function toResult(text: string | undefined): WorkerMessage {
  if (text === undefined) return { kind: 'result', json: undefined, truncated: false };
  if (text.length > input.maxOutputBytes) {
    return { kind: 'result', json: JSON.stringify(text.slice(0, input.maxOutputBytes)), truncated: true };
  }
  return { kind: 'result', json: depthOf(text) > MAX_DEPTH ? JSON.stringify(text) : text, truncated: false };
}

function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === '[' || token === '{') deepest = Math.max(deepest, ++depth);
    else if (token === ']' || token === '}') depth -= 1;
  }
  return deepest;
}

/** Sends output in batches and stops at the limit, so that a flood of prints cannot flood the host. */
function createWriter(maxBytes: number) {
  const pending: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  let left = maxBytes + 1;
  let flushedAt = 0;
  const flush = () => {
    flushedAt = performance.now();
    for (const stream of ['stdout', 'stderr'] as const) {
      if (pending[stream] !== '') post({ kind: 'output', stream, text: pending[stream] });
      pending[stream] = '';
    }
  };
  const flushIfDue = () => {
    if (performance.now() - flushedAt > FLUSH_MS) flush();
  };
  return {
    flush,
    flushIfDue,
    write(stream: 'stdout' | 'stderr', text: string): void {
      if (left <= 0) return;
      const kept = text.slice(0, left);
      left -= Buffer.byteLength(kept);
      pending[stream] += kept;
      // At the limit at once: what follows is not written, and would not flush it.
      if (left <= 0) flush();
      else flushIfDue();
    },
  };
}
