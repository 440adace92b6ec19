import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { createCallQueue, type AdmittedCall } from './call-queue.ts';
import type { ModelTurn } from './turn.ts';

const signal = () => new AbortController().signal;
const turn = (tenantId: string, rank: ModelTurn['rank'] = 'task', taskPriority = 0): ModelTurn => ({
  tenantId,
  rank,
  taskPriority,
});

/** Puts calls in line behind one that runs, and returns the order in which they went, one at a time. */
async function orderOf(turns: readonly (readonly [name: string, ModelTurn])[]): Promise<string[]> {
  const queue = createCallQueue({ capacity: () => 1 });
  const first = await queue.admit(turn('first'), signal());
  const order: string[] = [];
  const done = turns.map(async ([name, itsTurn]) => {
    const call = await queue.admit(itsTurn, signal());
    order.push(name);
    call.release();
  });
  first.release();
  await Promise.all(done);
  return order;
}

describe('calls in line for a model', () => {
  it('go as callers, then tasks by priority, then background work', async () => {
    const order = await orderOf([
      ['facts', turn('a', 'background')],
      ['task 0', turn('a')],
      ['task 5', turn('a', 'task', 5)],
      ['caller', turn('a', 'caller')],
      ['task 9', turn('a', 'task', 9)],
    ]);
    assert.deepEqual(order, ['caller', 'task 9', 'task 5', 'task 0', 'facts']);
  });

  it('go by turns of their tenants within a rank', async () => {
    const order = await orderOf([
      ...[1, 2, 3, 4].map((n) => [`a${n}`, turn('a')] as const),
      ...[1, 2].map((n) => [`b${n}`, turn('b')] as const),
      ['c1', turn('c')],
    ]);
    assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
  });

  it('are never more at a time than the capacity, also when it grows and shrinks', async () => {
    let capacity = 2;
    const queue = createCallQueue({ capacity: () => capacity });
    const running: AdmittedCall[] = [];
    const all = Array.from({ length: 10 }, async () => void running.push(await queue.admit(turn('a'), signal())));
    await new Promise(setImmediate);
    assert.deepEqual([queue.running, queue.waiting], [2, 8]);
    capacity = 5;
    queue.advance();
    await new Promise(setImmediate);
    assert.deepEqual([queue.running, queue.waiting], [5, 5]);
    capacity = 1;
    for (let ended = 1; ended <= 4; ended += 1) running.shift()!.release();
    assert.deepEqual([queue.running, queue.waiting], [1, 5]);
    for (; queue.running > 0; await new Promise(setImmediate)) running.shift()!.release();
    await Promise.all(all);
    assert.deepEqual([queue.running, queue.waiting], [0, 0]);
  });

  it('leave it when they are cancelled, and are never admitted', async () => {
    const queue = createCallQueue({ capacity: () => 1 });
    const first = await queue.admit(turn('a'), signal());
    const controller = new AbortController();
    const cancelled = assert.rejects(queue.admit(turn('a'), controller.signal), { reason: 'cancelled' });
    const second = queue.admit(turn('a'), signal());
    controller.abort();
    await cancelled;
    assert.equal(queue.waiting, 1);
    first.release();
    first.release();
    await second;
    assert.deepEqual([queue.running, queue.waiting], [1, 0]);
  });

  it('are told their position once they really wait, and again only when it changed', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const queue = createCallQueue({ capacity: () => 1 });
      const first = await queue.admit(turn('a'), signal());
      const told: string[] = [];
      const waiting = ['x', 'y', 'z'].map((name) =>
        queue.admit(
          {
            ...turn('a'),
            onWait: (position) => told.push(`${name} ${position}`),
            onWaiting: (isWaiting) => told.push(`${name} ${isWaiting ? 'waits' : 'goes'}`),
          },
          signal(),
        ),
      );
      assert.deepEqual(told.splice(0), ['x waits', 'y waits', 'z waits']);
      mock.timers.tick(250);
      assert.deepEqual(told.splice(0), ['x 1', 'y 2', 'z 3']);
      mock.timers.tick(1_000);
      assert.deepEqual(told.splice(0), []);
      first.release();
      await waiting[0];
      assert.deepEqual(told.splice(0), ['x goes']);
      mock.timers.tick(1_000);
      assert.deepEqual(told.splice(0), ['y 1', 'z 2']);
    } finally {
      mock.timers.reset();
    }
  });
});
