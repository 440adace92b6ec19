import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';
import type { Address, Engine, Payload } from '../engine.ts';

const logger = new Logger(() => () => undefined);

/** graphile-worker: tasks are rows that are deleted when they end. With its local queue it fetches and completes in batches. */
export async function open({ url }: Address): Promise<Engine> {
  const pool = new pg.Pool({ connectionString: url, max: 12 });
  pool.on('error', (error) => console.error(error));
  pool.on('connect', (client) => client.on('error', (error) => console.error(error)));
  const utils = await makeWorkerUtils({ pgPool: pool, logger });
  await utils.migrate();
  return {
    async enqueueOne(payload) {
      await utils.addJob('bench', payload);
    },

    async enqueueBatch(payloads) {
      await utils.addJobs(payloads.map((payload) => ({ identifier: 'bench', payload })));
    },

    async startWorker({ concurrency, batch }, handle) {
      const runner = await run({
        taskList: { bench: async (payload) => handle(payload as Payload) },
        parsedCronItems: [],
        noHandleSignals: true,
        logger,
        preset: {
          worker: {
            connectionString: url,
            concurrentJobs: concurrency,
            maxPoolSize: concurrency + 2,
            ...(batch > 1 && {
              localQueue: { size: Math.max(batch, concurrency + 1) },
              completeJobBatchDelay: 0,
              failJobBatchDelay: 0,
            }),
          },
        },
      });
      return { [Symbol.asyncDispose]: () => runner.stop() };
    },

    async counts() {
      const { rows } = await pool.query<{ unfinished: number; failed: number }>(`
        select count(*)::int as unfinished, (count(*) filter (where last_error is not null))::int as failed
        from graphile_worker._private_jobs`);
      return { ...rows[0]!, completed: undefined, records: undefined };
    },

    async clear() {
      await pool.query('truncate graphile_worker._private_jobs');
    },

    async [Symbol.asyncDispose]() {
      await utils.release();
      await pool.end();
    },
  };
}
