import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createBreaker, type BreakerState, type BreakerOutcome } from './breaker.ts';
import { ReeveError } from './error.ts';

const message = 'paused';
const MINUTE = 60_000;

async function call(breaker: ReturnType<typeof createBreaker>, ...outcomes: BreakerOutcome[]): Promise<void> {
  for (const outcome of outcomes) await breaker.begin().end(outcome);
}

it('opens after so many faults in a row, and says when to come back', async () => {
  const breaker = createBreaker({ threshold: 3, resetMs: MINUTE, message });
  await call(breaker, 'fault', 'fault', 'ok', 'fault', 'fault');
  assert.equal(breaker.state(), 'closed');
  await call(breaker, 'fault');
  assert.equal(breaker.state(), 'open');
  assert.equal(breaker.allows(), false);
  assert.throws(
    () => breaker.begin(),
    (error: ReeveError) =>
      error.reason === 'circuit_open' &&
      error.message === message &&
      error.retryAfterMs! > MINUTE - 10_000 &&
      error.retryAfterMs! <= MINUTE,
  );
});

it('opens within 20 calls where four of five fail and one in five succeeds', async () => {
  const share = { calls: 20, windowMs: MINUTE };
  const breaker = createBreaker({ threshold: 5, resetMs: MINUTE, share, message });
  const row = createBreaker({ threshold: 5, resetMs: MINUTE, message });
  for (let at = 0; at < 4; at += 1) {
    await call(row, 'ok', 'fault', 'fault', 'fault', 'fault');
    await call(breaker, 'ok', 'fault', 'fault', 'fault', 'fault');
  }
  assert.equal(row.state(), 'closed');
  assert.equal(breaker.state(), 'open');
});

it('opens at exactly half of the calls, and not below', async () => {
  const share = { calls: 4, windowMs: MINUTE };
  const half = createBreaker({ threshold: 99, resetMs: MINUTE, share, message });
  await call(half, 'ok', 'fault', 'ok', 'fault');
  assert.equal(half.state(), 'open');
  const less = createBreaker({ threshold: 99, resetMs: MINUTE, share, message });
  await call(less, 'ok', 'fault', 'ok', 'ok', 'fault');
  assert.equal(less.state(), 'closed');
});

it('lets one probe through after the reset time, and refuses others meanwhile', async () => {
  const seen: BreakerState[] = [];
  const breaker = createBreaker({ threshold: 1, resetMs: 1, message, onChange: (state) => seen.push(state) });
  await call(breaker, 'fault');
  while (!breaker.allows()) await new Promise((resolve) => setTimeout(resolve, 1));
  const probe = breaker.begin();
  assert.equal(breaker.state(), 'half_open');
  assert.throws(() => breaker.begin(), { reason: 'circuit_open' });
  await probe.end('ok');
  assert.equal(breaker.state(), 'closed');
  assert.deepEqual(seen, ['open', 'half_open', 'closed']);
});

it('stays open where the probe proved nothing', async () => {
  const breaker = createBreaker({ threshold: 1, resetMs: 1, message });
  await call(breaker, 'fault');
  while (!breaker.allows()) await new Promise((resolve) => setTimeout(resolve, 1));
  await call(breaker, 'inconclusive');
  assert.equal(breaker.state(), 'open');
});

it('counts what proves nothing as neither', async () => {
  const breaker = createBreaker({ threshold: 2, resetMs: MINUTE, message });
  await call(breaker, 'fault', 'inconclusive', 'inconclusive');
  assert.equal(breaker.state(), 'closed');
  await call(breaker, 'fault');
  assert.equal(breaker.state(), 'open', 'a call that proved nothing does not end the row');
});

it('lets the next call try at once where the probe was never made, and still only one at a time', async () => {
  const breaker = createBreaker({ threshold: 1, resetMs: 50, message });
  await call(breaker, 'fault');
  while (!breaker.allows()) await new Promise((resolve) => setTimeout(resolve, 1));
  for (let times = 0; times < 3; times += 1) {
    const probe = breaker.begin();
    assert.throws(() => breaker.begin(), { reason: 'circuit_open' });
    await probe.end('not_sent');
    assert.equal(breaker.state(), 'open');
    assert.equal(breaker.allows(), true);
  }
  await call(breaker, 'fault');
  assert.equal(breaker.allows(), false, 'a probe that failed ends the window');
});

it('runs work, with whatever it throws as a fault but a cancel', async () => {
  const breaker = createBreaker({ threshold: 1, resetMs: MINUTE, message });
  assert.equal(await breaker.run(async () => 7), 7);
  const cancelled = new ReeveError('cancelled', 'no more');
  await assert.rejects(
    breaker.run(() => Promise.reject(cancelled)),
    cancelled,
  );
  assert.equal(breaker.state(), 'closed');
  await assert.rejects(
    breaker.run(() => Promise.reject(new Error('boom'))),
    /boom/,
  );
  await assert.rejects(
    breaker.run(async () => assert.fail('it was run')),
    { reason: 'circuit_open' },
  );
});
