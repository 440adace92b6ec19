import { PgBoss } from 'pg-boss';
import pg from 'pg';
import type { Address, Engine, Payload } from '../engine.ts';

const QUEUE = 'bench';
/** Fetchers in a process: what was fastest of 1, 2 and 4, for batches of hundreds and for smaller ones. */
const FETCHERS = { large: 2, small: 4 };

/** pg-boss: tasks are rows that are updated when they begin and when they end, and fetched and completed in batches. */
export async function open({ url }: Address): Promise<Engine> {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  const boss = new PgBoss({ connectionString: url!, max: 12, useListenNotify: true });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(QUEUE, { notify: true });
  return {
    async enqueueOne(payload) {
      await boss.send(QUEUE, payload);
    },

    async enqueueBatch(payloads) {
      await boss.insert(
        QUEUE,
        payloads.map((data) => ({ data })),
      );
    },

    async startWorker({ batch }, handle) {
      const options = {
        batchSize: batch,
        localConcurrency: batch > 100 ? FETCHERS.large : FETCHERS.small,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: 0.5,
        notifyPollingIntervalSeconds: 0.5,
      };
      await boss.work<Payload>(QUEUE, options, async (jobs) => {
        for (const { data } of jobs) handle(data);
      });
      return { [Symbol.asyncDispose]: () => boss.offWork(QUEUE, { wait: true }) };
    },

    async counts() {
      const { rows } = await pool.query<{ unfinished: number; completed: number; failed: number }>(
        `select (count(*) filter (where state < 'completed'))::int as unfinished,
                (count(*) filter (where state = 'completed'))::int as completed,
                (count(*) filter (where state = 'failed' or retry_count > 0))::int as failed
         from pgboss.job where name = $1`,
        [QUEUE],
      );
      return { ...rows[0]!, records: undefined };
    },

    async clear() {
      await pool.query('truncate pgboss.job');
    },

    async [Symbol.asyncDispose]() {
      await boss.stop();
      await pool.end();
    },
  };
}
