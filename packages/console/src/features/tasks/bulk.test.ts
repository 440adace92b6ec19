import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Task } from '@reeve/contract';
import { actOnMany, reasonsOf, type BulkProgress } from './bulk.ts';

const tasks = Array.from({ length: 20 }, (_, index) => ({ id: String(index), title: `task ${index}` }) as Task);

test('an action on many tasks goes on past failures and tells which failed and why', async () => {
  const told: BulkProgress[] = [];
  const result = await actOnMany(
    tasks,
    async ({ id }) => {
      if (Number(id) % 5 === 0) throw new Error(Number(id) < 15 ? 'it has ended' : 'it is gone');
    },
    (progress) => told.push(progress),
    new AbortController().signal,
  );
  assert.equal(result.done, 16);
  assert.equal(told.length, 20);
  assert.deepEqual(
    reasonsOf(result.failures).map(([why, of]) => [why, of.map(({ id }) => id)]),
    [
      ['it has ended', ['0', '5', '10']],
      ['it is gone', ['15']],
    ],
  );
});

test('an action on many tasks keeps few requests open and begins none after it is stopped', async () => {
  const stop = new AbortController();
  let open = 0;
  let most = 0;
  let begun = 0;
  const result = await actOnMany(
    tasks,
    async () => {
      begun += 1;
      most = Math.max(most, (open += 1));
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      if (begun >= 10) stop.abort();
    },
    () => undefined,
    stop.signal,
  );
  assert.ok(most <= 6, `${most} at once`);
  assert.ok(begun < 20);
  assert.equal(result.failures.length, 0);
  assert.ok(result.done <= begun);
});
