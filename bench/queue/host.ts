// node host.ts <engine> <address as JSON>: one engine in a process of its own, which does what its parent asks over IPC.
import { setTimeout as sleep } from 'node:timers/promises';
import { clock, type Address, type OpenEngine, type Payload, type Scenes, type WorkSettings } from './engine.ts';

/** What a worker has done since it was started; times by `clock()`. */
export interface Progress {
  readonly handled: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What the parent can ask for. */
export type Calls = typeof calls;
export type Request = { readonly id: number; readonly name: keyof Calls; readonly args: readonly unknown[] };
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly progress: Progress };

/** How often a worker tells of its progress, in milliseconds. */
const TELL_MS = 20;

const [engineName, address] = process.argv.slice(2) as [string, string];
const { open } = (await import(`./engines/${engineName}.ts`)) as { open: OpenEngine };
const engine = await open(JSON.parse(address) as Address);

let worker: AsyncDisposable | undefined;
let handled = 0;
let firstAt = 0;
let lastAt = 0;
let latencies: number[] = [];

const calls = {
  /** One task a call, so many callers at a time. Answers milliseconds. */
  async enqueue(tasks: number, callers: number): Promise<number> {
    const begunAt = clock();
    let left = tasks;
    await Promise.all(
      Array.from({ length: callers }, async () => {
        while (left-- > 0) await engine.enqueueOne({});
      }),
    );
    return clock() - begunAt;
  },

  /** `size` tasks a call, one call after the other. Answers milliseconds. */
  async enqueueInBatches(tasks: number, size: number): Promise<number> {
    const begunAt = clock();
    for (let left = tasks; left > 0; left -= size) {
      await engine.enqueueBatch(Array.from({ length: Math.min(size, left) }, () => ({})));
    }
    return clock() - begunAt;
  },

  /** Tasks that carry the time, each long enough after the last that everything is idle again. */
  async enqueueTimed(tasks: number): Promise<void> {
    for (let sent = 0; sent < tasks; sent += 1) {
      await sleep(40 + Math.random() * 30);
      await engine.enqueueOne({ sentAt: clock() });
    }
  },

  async startWork(settings: WorkSettings): Promise<void> {
    handled = 0;
    latencies = [];
    worker = await engine.startWorker(settings, handle);
  },

  /** Answers what was done in all, once everything is settled. */
  async stopWork(): Promise<Progress> {
    await worker?.[Symbol.asyncDispose]();
    worker = undefined;
    return progress();
  },

  /** Milliseconds from the call of enqueue to that of the handler, for each timed task since the worker was started. */
  latencies: async () => latencies,

  counts: () => engine.counts(),
  clear: () => engine.clear(),

  async scene<Name extends keyof Scenes>(name: Name, ...args: Parameters<Scenes[Name]>): Promise<void> {
    const act = engine.scenes?.[name] as ((...given: typeof args) => Promise<void>) | undefined;
    if (act === undefined) throw new Error(`${engineName} has no scene ${name}`);
    await act(...args);
  },

  async close(): Promise<void> {
    await worker?.[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  },
};

let told = 0;
setInterval(() => {
  if (handled === told) return;
  told = handled;
  tell({ progress: progress() });
}, TELL_MS).unref();

process.on('message', (request: Request) => void answer(request));
process.on('disconnect', () => process.exit());
tell({ id: 0, result: null });

function handle({ sentAt }: Payload): void {
  lastAt = clock();
  if (handled === 0) firstAt = lastAt;
  handled += 1;
  if (sentAt !== undefined) latencies.push(lastAt - sentAt);
}

function progress(): Progress {
  return { handled, firstAt, lastAt };
}

async function answer({ id, name, args }: Request): Promise<void> {
  try {
    const call = calls[name] as (...given: readonly unknown[]) => Promise<unknown>;
    tell({ id, result: await call(...args) });
  } catch (error) {
    tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

function tell(reply: Reply): void {
  if (process.connected) process.send!(reply);
}
