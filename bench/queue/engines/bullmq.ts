import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Address, Engine, Payload } from '../engine.ts';

const QUEUE = 'bench';

/** BullMQ: tasks are in Redis, taken and acknowledged one by one in scripts. It has no batches but for adding. */
export async function open({ url }: Address): Promise<Engine> {
  const redis = new Redis(url!, { maxRetriesPerRequest: null });
  const queue = new Queue<Payload>(QUEUE, { connection: redis });
  await queue.waitUntilReady();
  return {
    async enqueueOne(payload) {
      await queue.add('bench', payload);
    },

    async enqueueBatch(payloads) {
      await queue.addBulk(payloads.map((data) => ({ name: 'bench', data })));
    },

    async startWorker({ concurrency }, handle) {
      const connection = new Redis(url!, { maxRetriesPerRequest: null });
      const worker = new Worker<Payload>(QUEUE, async ({ data }) => handle(data), { connection, concurrency });
      worker.on('error', (error) => console.error(error));
      await worker.waitUntilReady();
      return {
        async [Symbol.asyncDispose]() {
          await worker.close();
          connection.disconnect();
        },
      };
    },

    async counts() {
      const { completed = 0, failed = 0, ...unfinished } = await queue.getJobCounts();
      const sum = Object.values(unfinished).reduce((total, count) => total + count, 0);
      return { unfinished: sum, completed, failed, records: undefined };
    },

    async clear() {
      await redis.flushdb();
    },

    async [Symbol.asyncDispose]() {
      await queue.close();
      redis.disconnect();
    },
  };
}
