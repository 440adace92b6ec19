/** What a task carries. The handler does nothing with it but look for the time at which it was sent. */
export interface Payload {
  /** By `clock()`, where the latency of this task is measured. */
  readonly sentAt?: number;
}

/** How a worker process is to work. Each engine translates this into its own settings. */
export interface WorkSettings {
  /** Tasks at a time. */
  readonly concurrency: number;
  /** Tasks that may be fetched and settled at a time; 1: each task is fetched and acknowledged by itself. */
  readonly batch: number;
}

/** What the engine's own tables say. */
export interface Counts {
  /** Waiting or in progress. */
  readonly unfinished: number;
  /** Ended well. An engine that forgets what has ended answers undefined. */
  readonly completed: number | undefined;
  /** Failed at least once, whether it is tried again or not. */
  readonly failed: number;
  /** Records of what happened to tasks. An engine that keeps none answers undefined. */
  readonly records: number | undefined;
}

/** Where an engine keeps its tasks: a database or Redis by its URL, the embedded database by its directory. */
export interface Address {
  readonly url?: string;
  /** The same database without the pooler in front of it. */
  readonly directUrl?: string;
  readonly dataDirectory?: string;
}

/**
 * A queue, as the benchmark sees it. Each file in engines/ exports `open`, which sets up what the engine needs at an
 * empty address, or connects to what is there already.
 */
export interface Engine extends AsyncDisposable {
  /** Resolves when the task is as durable as the engine makes it. */
  enqueueOne(payload: Payload): Promise<void>;
  /** The same for many tasks in one call, through whatever the engine has for that. */
  enqueueBatch(payloads: readonly Payload[]): Promise<void>;
  /** Calls `handle` for every task until it is disposed, which waits for what runs and for what is not settled yet. */
  startWorker(settings: WorkSettings, handle: (payload: Payload) => void): Promise<AsyncDisposable>;
  counts(): Promise<Counts>;
  /** Forgets every task, waiting or ended. No worker may run. */
  clear(): Promise<void>;
  /** What only Reeve is asked for. */
  readonly scenes?: Scenes;
}

/** Situations that Reeve is measured in against itself. */
export interface Scenes {
  /** As many tasks for each of so many tenants, one tenant's after the other's. */
  enqueueForTenants(tasks: number, tenants: number): Promise<void>;
  /** Tasks of a tenant that may be in progress at a time; null takes the limits away. */
  limitTenants(maxRunning: number | null): Promise<void>;
  /** Tasks that ended long ago, with all their records, written by plain SQL. */
  addFinished(tasks: number): Promise<void>;
}

export type OpenEngine = (address: Address) => Promise<Engine>;

/** Milliseconds of the machine's monotonic clock, which all its processes share. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
