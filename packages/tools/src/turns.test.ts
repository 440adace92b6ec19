import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTurns } from './turns.ts';

const signal = new AbortController().signal;

describe('turns', () => {
  it('are had by so many at once, and by the others in line', async () => {
    const turns = createTurns(2);
    const order: number[] = [];
    const [first, second] = [await turns.take(1_000, signal), await turns.take(1_000, signal)];
    const later = [3, 4].map(async (number) => {
      using _turn = await turns.take(1_000, signal);
      order.push(number);
    });
    await new Promise(setImmediate);
    assert.deepEqual(order, []);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await Promise.all(later);
    assert.deepEqual(order, [3, 4]);
    second[Symbol.dispose]();
    const [fifth, sixth] = [await turns.take(0, signal), await turns.take(0, signal)];
    await assert.rejects(turns.take(10, signal), { reason: 'limit_reached' });
    fifth[Symbol.dispose]();
    sixth[Symbol.dispose]();
  });

  it('are lost by nobody where one who waits gives up', async () => {
    const turns = createTurns(1);
    const held = await turns.take(0, signal);
    await assert.rejects(turns.take(1_000, AbortSignal.timeout(10)), { reason: 'cancelled' });
    await assert.rejects(turns.take(10, signal), { reason: 'limit_reached' });
    await assert.rejects(turns.take(10, AbortSignal.abort()), { reason: 'cancelled' });
    held[Symbol.dispose]();
    (await turns.take(0, signal))[Symbol.dispose]();
  });
});
