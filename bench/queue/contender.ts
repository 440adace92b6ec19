import { setTimeout as sleep } from 'node:timers/promises';
import type { Address } from './engine.ts';
import { startEngineProcess, type EngineProcess } from './engine-process.ts';

/** The name of Reeve over the embedded database, which is one process that does everything. */
export const ON_PGLITE = 'Reeve on PGlite';

/** An engine with everything it needs: a place of its own, a process that enqueues and counts, and worker processes. */
export interface Contender extends AsyncDisposable {
  /** As the figures name it. */
  readonly name: string;
  readonly address: Address;
  readonly front: EngineProcess;
  readonly workers: readonly EngineProcess[];
  /** Records of a task that its end must find in the tables; 0 where the engine keeps none. */
  readonly recordsPerTask: number;
}

/** How to open one. */
export interface ContenderOptions {
  readonly name: string;
  /** A file of engines/. */
  readonly engine: string;
  readonly recordsPerTask?: number;
  /** None: the one process does everything, as with an embedded database. */
  readonly workers: number;
  readonly createAddress: (stack: AsyncDisposableStack) => Promise<Address>;
}

/** Tasks that each process works on before anything is measured: code that has run is compiled. */
const WARM_UP = 1_000;

/** Opens one: first its place, then the process in front, which sets up the tables, then the workers; and warms them up. */
export async function openContender(options: ContenderOptions): Promise<Contender> {
  const { name, engine, recordsPerTask = 0, workers: count, createAddress } = options;
  await using stack = new AsyncDisposableStack();
  const address = await createAddress(stack);
  const front = stack.use(await startEngineProcess(engine, address));
  const started = await Promise.all(Array.from({ length: count }, () => startEngineProcess(engine, address)));
  for (const worker of started) stack.use(worker);
  const contender = { name, address, front, workers: count === 0 ? [front] : started, recordsPerTask };
  await warmUp(contender);
  const parts = stack.move();
  return { ...contender, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

async function warmUp({ front, workers }: Omit<Contender, keyof AsyncDisposable>): Promise<void> {
  await front.call('enqueue', 50, 10);
  for (const worker of workers) {
    await front.call('enqueueInBatches', WARM_UP, 500);
    await worker.call('startWork', { concurrency: 24, batch: 500 });
    while ((await front.call('counts')).unfinished > 0) await sleep(10);
    await worker.call('stopWork');
  }
  await front.call('clear');
}
