import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeDriver } from '../../test/conformance.ts';
import { createQuickJsDriver } from './driver.ts';
import type { ExecResult } from '../sandbox.ts';

const driver = createQuickJsDriver();

describeDriver(driver, 'javascript', {
  printsBoth: 'console.log("to out"); console.error("to err"); undefined',
  fails: 'throw new TypeError("the reason")',
  loopsForever: 'while (true) {}',
  printsForever: 'for (;;) console.log("flood")',
  echoesStdin: 'console.log(stdin)',
  printsVariable: 'console.log(env.GREETING)',
  printsTwice: 'console.log("one"); for (const end = Date.now() + 1000; Date.now() < end; ); console.log("two")',
});

const run = (code: string, timeoutMs = 20_000, maxOutputBytes = 100_000): Promise<ExecResult> =>
  driver.exec(
    { language: 'javascript', code, workspace: '/', timeoutMs, maxOutputBytes },
    new AbortController().signal,
  );

async function valueOf(code: string): Promise<unknown> {
  const result = await run(code);
  assert.equal(result.status, 'success', JSON.stringify(result));
  return result.result;
}

describe('JavaScript in QuickJS', () => {
  it('returns the value of the last expression', async () => {
    assert.equal(await valueOf('const a = 20; a * 2 + 2'), 42);
    assert.deepEqual(await valueOf('({ a: [1, "x", null] })'), { a: [1, 'x', null] });
    assert.equal(await valueOf('undefined'), undefined);
  });

  it('returns what a promise resolves to, and says so where it never does', async () => {
    assert.equal(await valueOf('(async () => { await 0; return "done"; })()'), 'done');
    const pending = await run('new Promise(() => {})');
    assert.ok(pending.status === 'error' && pending.message.includes('never settles'));
    assert.equal((await run('Promise.reject(new Error("later"))')).status, 'error');
  });

  it('gives values that JSON cannot hold as text', async () => {
    assert.equal(await valueOf('2n ** 70n'), '1180591620717411303424');
    assert.equal(await valueOf('0 / 0'), 'NaN');
    assert.equal(await valueOf('const loop = {}; loop.self = loop; loop'), '[object Object]');
    assert.equal(typeof (await valueOf('let deep = []; for (let i = 0; i < 500; i++) deep = [deep]; deep')), 'string');
  });

  it('reports the message and the line of an exception', async () => {
    const result = await run('const fine = 1;\nnotThere.call()');
    assert.ok(result.status === 'error');
    assert.match(result.message, /ReferenceError: 'notThere' is not defined/);
    assert.match(result.stderr, /code\.js:2/);
  });

  it('survives code that throws what cannot be shown', async () => {
    for (const code of [
      'throw null',
      'throw { get message() { throw 1; } }',
      'throw { toString() { throw 2; } }',
      'throw Symbol("x")',
    ]) {
      assert.equal((await run(code)).status, 'error', code);
    }
  });

  it('ends loops that the engine cannot interrupt, at the deadline, with the host alive', async () => {
    for (const code of [
      'new Array(1e9) + ""',
      '(async () => { for (;;) await 0; })()',
      '/(a+)+$/.test("a".repeat(50) + "b")',
    ]) {
      let ticks = 0;
      const ticking = setInterval(() => (ticks += 1), 20);
      const result = await run(code, 400);
      clearInterval(ticking);
      assert.equal(result.status, 'timeout', code);
      assert.ok(ticks >= 5, `${code}: the event loop ran only ${ticks} times`);
    }
  });

  it('stops a memory bomb and an endless recursion with an error', async () => {
    const heldBefore = process.memoryUsage.rss();
    let most = 0;
    const measuring = setInterval(() => (most = Math.max(most, process.memoryUsage.rss() - heldBefore)), 5);
    for (const code of [
      'const held = []; for (;;) held.push(new Uint8Array(1e6).fill(1))',
      'const held = []; for (;;) held.push("x".repeat(1e6) + held.length)',
      'const held = new Map(); for (let i = 0; ; i++) held.set(i, { i })',
      'function again() { again(); } again()',
    ]) {
      assert.equal((await run(code)).status, 'error', code);
    }
    clearInterval(measuring);
    assert.ok(most < 300e6, `held ${most} bytes more`);
  });

  it('cuts a result beyond the limit and says so', async () => {
    const result = await run('"x".repeat(1e6)', 20_000, 1_000);
    assert.ok(result.status === 'success' && result.truncated && String(result.result).length <= 1_000);
  });

  it('offers no way to the host', async () => {
    for (const name of ['process', 'require', 'fetch', 'WebAssembly', 'setTimeout', 'Worker', 'parentPort']) {
      assert.equal(await valueOf(`typeof ${name}`), 'undefined', name);
    }
    assert.equal((await run('import("node:fs")')).status, 'error');
    assert.equal(
      await valueOf('globalThis.JSON = null; typeof console.log.constructor("return this")().process'),
      'undefined',
    );
  });

  it('remembers nothing from one call to the next', async () => {
    await run('globalThis.secret = 1; Object.prototype.planted = 1');
    assert.equal(await valueOf('typeof secret + typeof ({}).planted'), 'undefinedundefined');
  });
});
