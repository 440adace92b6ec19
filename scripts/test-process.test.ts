import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { startTestProcess } from './test-process.ts';

const root = join(import.meta.dirname, '..');

/** Writes test files below the repository and starts a process for them. */
function prepare(t: TestContext, sources: Record<string, string>) {
  const directory = mkdtempSync(join(root, 'node_modules/.cache/reeve/test-process-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, source] of Object.entries(sources))
    writeFileSync(join(directory, name), `import { describe, it, test, before } from 'node:test';\n${source}\n`);
  const started = startTestProcess(root, { ...process.env, REEVE_TEST_PATIENCE_MS: '500' });
  t.after(() => started[Symbol.asyncDispose]());
  return { started, at: (name: string) => relative(root, join(directory, name)) };
}

describe('a process for test files', () => {
  it('runs file after file, each with its own hooks, and reports its tests by name', async (t) => {
    const { started, at } = prepare(t, {
      'one.test.mjs': `let ready = false; before(() => { ready = true; }); describe('group', () => { it('works', () => { if (!ready) throw new Error('no hook'); }); });`,
      'two.test.mjs': `test('fails', () => { throw new Error('as it should'); }); test('waits', { skip: 'for spring' }, () => {});`,
    });
    assert.equal((await started.run(at('one.test.mjs'))).passed, 1);
    const two = await started.run(at('two.test.mjs'));
    assert.deepEqual([two.passed, two.failures.map(({ name }) => name)], [0, ['fails']]);
    assert.match(two.failures[0]!.text, /as it should/);
    assert.deepEqual(two.skipped, [`${at('two.test.mjs')}: waits: for spring`]);
    assert.ok(started.isUsable);
  });

  it('fails a file that leaves a trace, and hides the trace from the next', async (t) => {
    const { started, at } = prepare(t, {
      'trace.test.mjs': `test('passes', () => { process.env.LEFT = '1'; process.chdir('/'); globalThis.fetch = undefined; });`,
      'next.test.mjs': `test('sees none', () => { if (process.env.LEFT || process.cwd() === '/' || !fetch) throw new Error('seen'); });`,
    });
    const [failure] = (await started.run(at('trace.test.mjs'))).failures;
    assert.match(failure!.text, /process\.env\.LEFT changed\n.*working directory is \/\nfetch changed/s);
    assert.deepEqual((await started.run(at('next.test.mjs'))).failures, []);
  });

  it('loads a module before the first file, whose open handles no file answers for', async (t) => {
    const { at } = prepare(t, {
      'setup.mjs': `import { createServer } from 'node:net'; const server = createServer(); await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve)); globalThis.port = server.address().port; process.once('disconnect', () => server.close());`,
      'one.test.mjs': `test('finds it', () => { if (!globalThis.port) throw new Error('not there'); });`,
    });
    await using started = startTestProcess(root, process.env, at('setup.mjs'));
    const { passed, failures } = await started.run(at('one.test.mjs'));
    assert.deepEqual([passed, failures], [1, []]);
  });

  it('fails a file that leaves something open', async (t) => {
    const { started, at } = prepare(t, {
      'open.test.mjs': `test('passes', async () => { const { createServer } = await import('node:net'); createServer().listen(0, '127.0.0.1'); });`,
    });
    assert.match((await started.run(at('open.test.mjs'))).failures[0]!.text, /1 × TCPServerWrap open, 0 before/);
  });

  it('lets a file that is alone change its process, but not keep it from ending', async (t) => {
    const sources = {
      'trace.test.mjs': `test('passes', () => { process.env.LEFT = '1'; setTimeout(() => {}, 300); });`,
      'open.test.mjs': `test('passes', async () => { const { createServer } = await import('node:net'); createServer().listen(0, '127.0.0.1'); });`,
      'late.test.mjs': `test('passes', () => { setTimeout(() => process.exit(3), 100); });`,
    };
    const runAlone = async (name: keyof typeof sources, limitMs?: number) => {
      const { started, at } = prepare(t, sources);
      const { passed, failures } = await started.runAlone(at(name), limitMs);
      return [passed, ...failures.map(({ text }) => text)];
    };
    assert.deepEqual(await runAlone('trace.test.mjs'), [1]);
    assert.deepEqual(await runAlone('open.test.mjs', 3_000), [1, 'was still running after 3 s and was ended']);
    assert.deepEqual(await runAlone('late.test.mjs'), [1, 'ended with code 3']);
  });

  it('fails a file that crashes, hangs, cannot be loaded or holds no test, and names the test', async (t) => {
    const sources = {
      'crash.test.mjs': `test('dies', async () => { await new Promise(setImmediate); process.exit(3); });`,
      'hang.test.mjs': `test('loops', async () => { await new Promise(setImmediate); for (;;); });`,
      'broken.test.mjs': `throw new Error('at loading');`,
      'empty.test.mjs': '',
    };
    const textOf = async (name: keyof typeof sources, limitMs?: number) => {
      const { started, at } = prepare(t, sources);
      const { failures } = await started.run(at(name), limitMs);
      return failures.map(({ text }) => text).join('\n');
    };
    assert.equal(await textOf('crash.test.mjs'), 'ended with code 3 during: dies');
    assert.equal(await textOf('hang.test.mjs', 3_000), 'was still running after 3 s and was ended during: loops');
    assert.match(await textOf('broken.test.mjs'), /at loading/);
    assert.equal(await textOf('empty.test.mjs'), 'holds no test');
  });
});
