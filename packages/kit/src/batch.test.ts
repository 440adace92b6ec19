import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBatcher } from './batch.ts';

describe('a batcher', () => {
  it('puts calls made together into one batch, and what comes meanwhile into the next', async () => {
    const batches: (readonly number[])[] = [];
    const double = createBatcher<number, number>(
      async (items) => {
        batches.push(items);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return items.map((item) => item * 2);
      },
      { limit: 3, together: () => false },
    );
    const first = Promise.all([1, 2].map(double));
    await new Promise((resolve) => setTimeout(resolve, 1));
    const second = Promise.all([3, 4, 5, 6].map(double));
    assert.deepEqual(await first, [2, 4]);
    assert.deepEqual(await second, [6, 8, 10, 12]);
    assert.deepEqual(batches, [[1, 2], [3, 4, 5], [6]]);
    assert.equal(await double(7), 14);
  });

  it('lets a bad item fail alone', async () => {
    const check = createBatcher<number, number>(
      async (items) => {
        if (items.includes(2)) throw new Error('two');
        return items;
      },
      { limit: 10, together: () => false },
    );
    const results = await Promise.allSettled([1, 2, 3].map(check));
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
  });

  it('fails a whole batch where trying again one by one would be wrong', async () => {
    let calls = 0;
    const lose = createBatcher<number, number>(
      async () => {
        calls += 1;
        throw new Error('connection lost');
      },
      { limit: 10, together: () => true },
    );
    const results = await Promise.allSettled([1, 2, 3].map(lose));
    assert.ok(results.every(({ status }) => status === 'rejected'));
    assert.equal(calls, 1);
  });
});
