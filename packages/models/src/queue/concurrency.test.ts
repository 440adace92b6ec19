import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { initialConcurrency, nextConcurrency } from './concurrency.ts';

/** A server with a number of slots that changes, and endless demand: the limit after each completed call, by phase. */
function simulate(phases: readonly { slots: number; calls: number }[], jitter = 0, seed = 1): number[][] {
  let state = initialConcurrency();
  let random = seed;
  const vary = (jitter: number) => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return 1 + jitter * ((random >> 8) / 2 ** 23 - 0.5);
  };
  let now = 0;
  let callMs = 0;
  const inFlight: { start: number; before: number; work: number; end: number | undefined }[] = [];
  return phases.map(({ slots, calls }) =>
    Array.from({ length: calls }, () => {
      while (inFlight.length < state.limit)
        inFlight.push({ start: now, before: callMs, work: 100 * vary(jitter), end: undefined });
      for (const call of inFlight) {
        if (inFlight.filter(({ end }) => end !== undefined).length >= slots) break;
        call.end ??= now + call.work * vary(jitter / 2);
      }
      const next = inFlight.filter(({ end }) => end !== undefined).toSorted((a, b) => a.end! - b.end!)[0]!;
      callMs += inFlight.length * (next.end! - now);
      now = next.end!;
      inFlight.splice(inFlight.indexOf(next), 1);
      const ms = now - next.start;
      const feedback = { kind: 'completed' as const, inFlight: (callMs - next.before) / ms, work: next.work, ms };
      state = nextConcurrency(state, feedback);
      return state.limit;
    }),
  );
}

const ONE_FOUR_ONE = [
  { slots: 1, calls: 30 },
  { slots: 4, calls: 60 },
  { slots: 1, calls: 60 },
];

describe('the learnt limit of a server', () => {
  it('follows its slots from 1 to 4 to 1 within 20 calls, and stays within one of them', () => {
    const [one, four, again] = simulate(ONE_FOUR_ONE);
    assert.ok(Math.max(...one!) <= 2, one!.join(' '));
    assert.ok(four!.indexOf(4) >= 0 && four!.indexOf(4) < 20, four!.join(' '));
    assert.ok(
      four!.slice(20).every((limit) => limit >= 3 && limit <= 5),
      four!.join(' '),
    );
    assert.ok(again!.indexOf(1) < 20, again!.join(' '));
    assert.ok(Math.max(...again!.slice(20)) <= 2, again!.join(' '));
  });

  it('does so although calls differ in size and speed, but for a few', () => {
    const seeds = Array.from({ length: 200 }, (_, index) => (index + 1) * 7_919);
    let late = 0;
    let sum = 0;
    for (const seed of seeds) {
      const [, four, again] = simulate(ONE_FOUR_ONE, 0.4, seed);
      const climbed = four!.slice(0, 20).some((limit) => limit >= 4);
      const fell = again!.slice(0, 20).some((limit) => limit <= 2);
      if (!climbed || !fell) late += 1;
      sum += four!.slice(20).reduce((total, limit) => total + limit, 0) / (four!.length - 20);
    }
    assert.ok(late <= seeds.length * 0.1, `${late} of ${seeds.length} were late`);
    const mean = sum / seeds.length;
    assert.ok(mean > 3.5 && mean < 5.5, `the mean limit at 4 slots was ${mean}`);
  });

  it('stays at one where two calls at a time are slower together than one after another', () => {
    let state = initialConcurrency();
    const limits = Array.from({ length: 60 }, () => {
      const ms = state.limit === 1 ? 100 : 100 * state.limit * 2;
      state = nextConcurrency(state, { kind: 'completed', inFlight: state.limit, work: 100, ms });
      return state.limit;
    });
    assert.ok(Math.max(...limits) === 2);
    assert.ok(limits.filter((limit) => limit === 1).length > 40, limits.join(' '));
  });

  it('is one less after an overload, once for all calls of a burst, and at least one', () => {
    let state = initialConcurrency(5);
    const overloads = state.overloads;
    for (let calls = 0; calls < 5; calls += 1) state = nextConcurrency(state, { kind: 'overloaded', overloads });
    assert.equal(state.limit, 4);
    for (let calls = 0; calls < 9; calls += 1)
      state = nextConcurrency(state, { kind: 'overloaded', overloads: state.overloads });
    assert.equal(state.limit, 1);
  });

  it('does not change by calls that were made while it was not reached', () => {
    const before = initialConcurrency(4);
    let state = before;
    for (let calls = 0; calls < 50; calls += 1)
      state = nextConcurrency(state, { kind: 'completed', inFlight: 1, work: 100, ms: 100 });
    assert.deepEqual(state, before);
  });
});
