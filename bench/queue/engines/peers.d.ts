// What is used here of the packages that are installed on demand, so that types can be checked without them.

declare module 'graphile-worker' {
  export class Logger {
    constructor(factory: () => () => void);
  }
  interface Utils {
    migrate(): Promise<void>;
    addJob(identifier: string, payload: unknown): Promise<unknown>;
    addJobs(jobs: readonly { identifier: string; payload: unknown }[]): Promise<unknown>;
    release(): Promise<void>;
  }
  interface WorkerPreset {
    connectionString?: string | undefined;
    concurrentJobs?: number;
    maxPoolSize?: number;
    localQueue?: { size: number };
    completeJobBatchDelay?: number;
    failJobBatchDelay?: number;
  }
  export function makeWorkerUtils(options: { pgPool: unknown; logger: Logger }): Promise<Utils>;
  export function run(options: {
    taskList: Record<string, (payload: unknown) => Promise<void>>;
    parsedCronItems: [];
    noHandleSignals: boolean;
    logger: Logger;
    preset: { worker: WorkerPreset };
  }): Promise<{ stop(): Promise<void> }>;
}

declare module 'pg-boss' {
  interface WorkOptions {
    batchSize: number;
    localConcurrency: number;
    burstWhenBatchFull: boolean;
    pollingIntervalSeconds: number;
    notifyPollingIntervalSeconds: number;
  }
  export class PgBoss {
    constructor(options: { connectionString: string; max: number; useListenNotify: boolean });
    on(event: 'error', listener: (error: unknown) => void): this;
    start(): Promise<this>;
    stop(): Promise<void>;
    createQueue(name: string, options: { notify: boolean }): Promise<void>;
    send(name: string, data: object): Promise<string | null>;
    insert(name: string, jobs: { data: object }[]): Promise<string[] | null>;
    work<Data>(
      name: string,
      options: WorkOptions,
      handler: (jobs: readonly { readonly data: Data }[]) => Promise<void>,
    ): Promise<string>;
    offWork(name: string, options: { wait: boolean }): Promise<void>;
  }
}

declare module 'bullmq' {
  export class Queue<Data> {
    constructor(name: string, options: { connection: unknown });
    waitUntilReady(): Promise<unknown>;
    add(name: string, data: Data): Promise<unknown>;
    addBulk(jobs: { name: string; data: Data }[]): Promise<unknown>;
    getJobCounts(): Promise<Record<string, number>>;
    close(): Promise<void>;
  }
  export class Worker<Data> {
    constructor(
      name: string,
      handler: (job: { readonly data: Data }) => Promise<void>,
      options: { connection: unknown; concurrency: number },
    );
    on(event: 'error', listener: (error: unknown) => void): this;
    waitUntilReady(): Promise<unknown>;
    close(): Promise<void>;
  }
}

declare module 'ioredis' {
  export class Redis {
    constructor(url: string, options?: { maxRetriesPerRequest: null });
    flushdb(): Promise<unknown>;
    disconnect(): void;
  }
}
