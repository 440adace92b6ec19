import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { Signal, sleep, unlessAborted, within } from './wait.ts';

const LONG = 60_000;

describe('waiting', () => {
  it('does not lose a raise that came before the wait', async () => {
    const signal = new Signal();
    signal.raise();
    await signal.wait(LONG);
  });

  it('is ended by a raise, by an abort, and by the time', async () => {
    const signal = new Signal();
    const raised = signal.wait(LONG);
    signal.raise();
    await raised;
    const abort = new AbortController();
    const aborted = signal.wait(LONG, abort.signal);
    abort.abort();
    await aborted;
    await signal.wait(LONG, abort.signal);
    await signal.wait(1);
  });

  it('lowers the signal, so that one raise ends one wait', async () => {
    const signal = new Signal();
    signal.raise();
    signal.raise();
    await signal.wait(LONG);
    let ended = false;
    const second = signal.wait(LONG).then(() => (ended = true));
    await sleep(10);
    assert.equal(ended, false);
    signal.raise();
    await second;
  });

  it('sleeps no longer than until the abort, and leaves no listener behind', async () => {
    const abort = new AbortController();
    await sleep(1, abort.signal);
    assert.deepEqual(getEventListeners(abort.signal, 'abort'), []);
    const asleep = sleep(LONG, abort.signal);
    abort.abort();
    await asleep;
    await sleep(LONG, abort.signal);
  });

  it('waits for work as long as it may, and lets what comes later fail unheard', async () => {
    assert.equal(await within(LONG, 'it', Promise.resolve(1)), 1);
    await assert.rejects(within(LONG, 'it', Promise.reject(new Error('its own'))), { message: 'its own' });
    const { promise, reject } = Promise.withResolvers<never>();
    await assert.rejects(within(5, 'the oracle', promise), { reason: 'unavailable', message: /^the oracle does not/ });
    reject(new Error('too late'));
    await sleep(5);
  });

  it('waits for work until an abort, also one of before, and leaves no listener behind', async () => {
    const abort = new AbortController();
    const reason = () => new Error('given up');
    assert.equal(await unlessAborted(Promise.resolve(1), abort.signal, reason), 1);
    await assert.rejects(unlessAborted(Promise.reject(new Error('its own')), abort.signal, reason), /its own/);
    assert.deepEqual(getEventListeners(abort.signal, 'abort'), []);
    const { promise, reject } = Promise.withResolvers<never>();
    const waiting = unlessAborted(promise, abort.signal, reason);
    abort.abort();
    await assert.rejects(waiting, /given up/);
    await assert.rejects(unlessAborted(promise, abort.signal, reason), /given up/);
    reject(new Error('too late'));
    await sleep(5);
  });
});
