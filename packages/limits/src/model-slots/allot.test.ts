import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { allotSlots } from './allot.ts';

it('a process alone has the whole limit', () => {
  const own = { processId: 'a', leased: 0, wanted: 1, running: 0 };
  assert.deepEqual(allotSlots(4, own, [], 0), { slots: 4, leased: 4 });
});

it('processes share the limit as evenly as they want it, and in turn what cannot be shared', () => {
  const own = { processId: 'a', leased: 4, wanted: 9, running: 0 };
  const modest = { processId: 'b', leased: 0, wanted: 1 };
  assert.equal(allotSlots(4, own, [modest], 0).slots, 3);
  assert.equal(allotSlots(4, own, [{ ...modest, wanted: 9 }], 0).slots, 2);
  const turns = [0, 1, 2, 3].map((turn) => allotSlots(1, own, [{ ...modest, wanted: 9 }], turn).slots);
  assert.deepEqual(turns, [1, 0, 1, 0]);
});

it('running calls keep their slots, and what others hold is not given out', () => {
  const own = { processId: 'a', leased: 4, wanted: 4, running: 4 };
  const other = { processId: 'b', leased: 0, wanted: 4 };
  assert.deepEqual(allotSlots(4, own, [other], 0), { slots: 2, leased: 4 });
  const late = { processId: 'b', leased: 0, wanted: 4, running: 0 };
  assert.deepEqual(allotSlots(4, late, [{ processId: 'a', leased: 4, wanted: 4 }], 0), { slots: 0, leased: 0 });
});

it('never leases more than the limit together, whatever runs and ends', () => {
  const process = fc.record({ wanted: fc.nat(6), calls: fc.array(fc.nat(6), { minLength: 12, maxLength: 12 }) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(process, { minLength: 1, maxLength: 4 }), (limit, users) => {
      const rows = users.map(({ wanted }, index) => ({
        processId: String(index),
        leased: 0,
        slots: 0,
        wanted,
        running: 0,
      }));
      for (let round = 0; round < 12; round += 1)
        for (const [index, row] of rows.entries()) {
          // Some calls end, then new ones start as far as the lease allows.
          row.running = Math.max(0, row.running - users[index]!.calls[round]!);
          const others = rows.filter((other) => other !== row);
          Object.assign(row, allotSlots(limit, row, others, round));
          row.running = Math.max(row.running, Math.min(row.slots, row.wanted));
          const together = rows.reduce((sum, { leased }) => sum + leased, 0);
          assert.ok(together <= limit, `${together} of ${limit} are leased`);
          assert.ok(rows.reduce((sum, { running }) => sum + running, 0) <= limit);
        }
    }),
    cases(1_000),
  );
});
