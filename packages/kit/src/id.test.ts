import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { idOf, newId } from './id.ts';

describe('ids', () => {
  it('stand for a text, each for one', () => {
    const id = idOf('task a 1');
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(idOf('task a 1'), id);
    assert.notEqual(idOf('task a 2'), id);
  });

  it('are UUIDs of version 7 that begin with the time', () => {
    const before = Date.now();
    const id = newId();
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const ms = parseInt(id.replaceAll('-', '').slice(0, 12), 16);
    assert.ok(ms >= before && ms <= Date.now() + 1, `${ms}`);
  });

  it('grow strictly, however many are made in a millisecond and wherever the clock jumps', () => {
    mock.timers.enable({ apis: ['Date'] });
    try {
      let last = newId();
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.integer({ min: 0, max: 4_102_444_800_000 }), fc.integer({ min: 1, max: 5_000 })), {
            maxLength: 5,
          }),
          (jumps) => {
            for (const [at, count] of jumps) {
              mock.timers.setTime(at);
              for (let i = 0; i < count; i++) {
                const id = newId();
                assert.ok(id > last, `${id} after ${last}`);
                assert.equal(id[14], '7');
                last = id;
              }
            }
          },
        ),
        cases(20),
      );
    } finally {
      mock.timers.reset();
    }
  });
});
