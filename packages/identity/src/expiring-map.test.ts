import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createExpiringMap } from './expiring-map.ts';

describe('an expiring map', () => {
  it('holds at most its limit, and gives what is young enough and nothing else', () => {
    let now = 0;
    const clock = mock.method(performance, 'now', () => now);
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      ms: fc.constantFrom(-1, 0, 1, 5, 20, Infinity),
      pass: fc.nat(10),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, limit) => {
        const map = createExpiringMap<number>(limit);
        const set = new Map<string, { value: number; until: number }>();
        for (const [value, { key, ms, pass, remove }] of steps.entries()) {
          now += pass;
          if (remove) {
            map.delete(key);
            set.delete(key);
          } else {
            map.set(key, value, ms);
            set.delete(key);
            set.set(key, { value, until: now + ms });
          }
          assert.ok(map.size <= limit);
          for (const other of ['a', 'b', 'c', 'd', 'e']) {
            const found = map.get(other);
            const expected = set.get(other);
            if (found !== undefined) assert.ok(found === expected?.value && now < expected.until);
          }
          if (!remove && ms > 0) assert.equal(map.get(key), value, 'the newest is always there');
        }
      }),
      cases(),
    );
    clock.mock.restore();
  });

  it('forgets the oldest first, and all that it is told to', () => {
    const map = createExpiringMap<number>(3);
    for (const [at, key] of ['a', 'b', 'c', 'a', 'd'].entries()) map.set(key, at, Infinity);
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((key) => map.get(key)),
      [3, undefined, 2, 4],
    );
    map.forget((value) => value > 2);
    assert.deepEqual([map.get('a'), map.get('c'), map.size], [undefined, 2, 1]);
  });
});
