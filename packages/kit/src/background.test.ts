import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Writable } from 'node:stream';
import { Background } from './background.ts';
import { createLog, silentLog } from './log.ts';

describe('work in the background', () => {
  it('is waited for when it is disposed of, with what it started meanwhile', async () => {
    const background = new Background(silentLog);
    const order: string[] = [];
    background.start('outer', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push('outer');
      background.start('inner', async () => {
        await new Promise((resolve) => setImmediate(resolve));
        order.push('inner');
      });
    });
    assert.equal(background.size, 1);
    await background[Symbol.asyncDispose]();
    assert.deepEqual([order, background.size], [['outer', 'inner'], 0]);
  });

  it('says in the log what failed, and disturbs nothing else', async () => {
    const lines: string[] = [];
    const destination = new Writable({ write: (chunk: Buffer, _, done) => (lines.push(chunk.toString()), done()) });
    const background = new Background(createLog('test', { level: 'info', format: 'json', destination }));
    background.start('sweeping', () => Promise.reject(new Error('no broom')));
    await background[Symbol.asyncDispose]();
    assert.match(lines.join(''), /no broom.*"message":"sweeping failed"/);
  });
});
