import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openBoundedProcess, openBoundedThread, type BoundedProcessOptions } from './bounded-worker.ts';
import type { TestQuestion } from '../test/worker.ts';
import { sleep } from './wait.ts';

const { signal } = new AbortController();
const file = new URL('../test/worker.ts', import.meta.url);
const echo: TestQuestion = { kind: 'echo', text: 'here' };
type Options = Omit<BoundedProcessOptions, 'file'>;

for (const [name, open] of [
  ['thread', (options: Options) => openBoundedThread<TestQuestion, string>({ file, ...options }, undefined)],
  ['process', (options: Options) => openBoundedProcess<TestQuestion, string>({ file, ...options })],
] as const)
  describe(`a bounded ${name}`, () => {
    it('loses no time while nothing is asked', async () => {
      await using worker = open({ timeoutMs: 1_000 });
      for (let pause = 0; pause < 2; pause++) {
        assert.deepEqual(await worker.ask(echo, signal), { kind: 'answer', value: 'here' });
        await sleep(1_200);
      }
      assert.equal((await worker.ask(echo, signal)).kind, 'answer');
    });

    it('has one time for all questions, and answers nothing after it', async () => {
      await using worker = open({ timeoutMs: 2_000 });
      assert.equal((await worker.ask({ kind: 'spin', ms: 1_200 }, signal)).kind, 'answer');
      assert.equal((await worker.ask({ kind: 'spin', ms: 1_200 }, signal)).kind, 'late');
      assert.equal((await worker.ask(echo, signal)).kind, 'late');
      assert.equal(worker.ended, true);
    });

    it('has the time anew for each question, where that is asked for', async () => {
      await using worker = open({ timeoutMs: 2_000, timeFor: 'each' });
      for (let time = 0; time < 2; time++)
        assert.equal((await worker.ask({ kind: 'spin', ms: 1_200 }, signal)).kind, 'answer');
      assert.equal((await worker.ask({ kind: 'spin', ms: 60_000 }, signal)).kind, 'late');
    });

    it('refuses with the message of what was thrown, and goes on', async () => {
      await using worker = open({ timeoutMs: 5_000 });
      assert.deepEqual(await worker.ask({ kind: 'fail', text: 'no such page' }, signal), {
        kind: 'refused',
        message: 'no such page',
      });
      assert.equal(worker.ended, false);
      assert.equal((await worker.ask(echo, signal)).kind, 'answer');
    });

    it('refuses what fills its heap', async () => {
      await using worker = open({ timeoutMs: 30_000, heapMb: 64 });
      assert.deepEqual(await worker.ask({ kind: 'objects' }, signal), {
        kind: 'refused',
        message: 'it takes too much memory',
      });
      assert.equal(worker.ended, true);
    });

    it('gives no answer of a question that was cancelled to a later one', async () => {
      await using worker = open({ timeoutMs: 5_000 });
      await worker.ask(echo, signal);
      await assert.rejects(worker.ask({ kind: 'spin', ms: 400 }, AbortSignal.timeout(100)), { reason: 'cancelled' });
      assert.equal(worker.ended, true);
      assert.equal((await worker.ask(echo, signal)).kind, 'late');
    });
  });

describe('a bounded process', () => {
  it('refuses what fills its memory with buffers', { skip: !existsSync('/proc/self/status') }, async () => {
    await using worker = openBoundedProcess<TestQuestion, string>({ file, timeoutMs: 30_000, memoryMb: 300 });
    assert.deepEqual(await worker.ask({ kind: 'buffers' }, signal), {
      kind: 'refused',
      message: 'it takes too much memory',
    });
  });
});
