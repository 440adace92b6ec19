import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sleep } from '@reeve/kit';
import { openBoundedThread } from './bounded-worker.ts';
import type { GrepAnswer, GrepData, GrepQuestion } from './grep-worker.ts';

const { signal } = new AbortController();
const data: GrepData = { source: '^(a+)+$', flags: '', context: 0 };
const open = (timeoutMs: number) =>
  openBoundedThread<GrepQuestion, GrepAnswer>({ file: new URL('./grep-worker.ts', import.meta.url), timeoutMs }, data);

describe('a bounded worker', () => {
  it('loses no time while nothing is asked', async () => {
    await using worker = open(1_000);
    for (let pause = 0; pause < 2; pause++) {
      assert.equal((await worker.ask({ text: 'aaa', limit: 1 }, signal)).kind, 'answer');
      await sleep(1_200);
    }
    assert.equal((await worker.ask({ text: 'aaa', limit: 1 }, signal)).kind, 'answer');
  });

  it('has one time for all questions, and answers nothing after it', async () => {
    await using worker = open(500);
    assert.equal((await worker.ask({ text: 'aaa', limit: 1 }, signal)).kind, 'answer');
    const text = `${'a'.repeat(40)}!`;
    assert.equal((await worker.ask({ text, limit: 1 }, signal)).kind, 'late');
    assert.equal((await worker.ask({ text: 'aaa', limit: 1 }, signal)).kind, 'late');
  });
});
