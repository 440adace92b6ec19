import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { AnswerOf, ChainVerification, routes } from '@reeve/contract';
import { createShell, type ShellServer, type TestShell } from '../test/shell.ts';

suite('the audit log on the command line', () => {
  let shell: TestShell;
  let server: ShellServer;
  before(async () => {
    shell = await createShell();
    server = await shell.serve();
    for (const tokens of ['500', '600'])
      assert.equal((await shell.run(['budgets', 'set', 'tenant', '--tokens', tokens])).code, 0);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await shell[Symbol.asyncDispose]();
  });

  test('is listed, verified, exported, and the file verified, without its database too', async () => {
    const listed = await shell.run(['audit', 'list', '--action', 'BUDGET_CHANGED']);
    assert.equal(listed.code, 0, listed.stderr);
    const { entries, total } = JSON.parse(listed.stdout) as AnswerOf<typeof routes.listAudit>;
    assert.deepEqual([total, entries.map(({ action }) => action)], [2, ['BUDGET_CHANGED', 'BUDGET_CHANGED']]);

    const verified = await shell.run(['audit', 'verify']);
    assert.equal(verified.code, 0, verified.stderr);
    const { ok, checked, head } = JSON.parse(verified.stdout) as ChainVerification;
    assert.ok(ok && head !== null && head.number === checked && checked >= 2);
    const anchor = `${head.number}:${head.hash}`;
    assert.equal((await shell.run(['audit', 'verify', '--anchor', anchor])).code, 0);
    assert.equal((await shell.run(['audit', 'verify', '--anchor', `1:${head.hash}`])).code, 1);

    const exported = await shell.run(['audit', 'export']);
    assert.equal(exported.code, 0, exported.stderr);
    const file = join(shell.directory, 'audit.jsonl');
    await writeFile(file, exported.stdout);
    const whole = await shell.run(['audit', 'verify', '--file', file, '--anchor', anchor]);
    assert.equal(whole.code, 0, whole.stderr);
    assert.equal((JSON.parse(whole.stdout) as ChainVerification).checked, checked);
    const changed = await shell.run(['audit', 'verify', '--file', '-'], {
      input: exported.stdout.replace('BUDGET_CHANGED', 'BUDGET_RAISED'),
    });
    assert.equal(changed.code, 1);
    assert.equal((JSON.parse(changed.stdout) as ChainVerification).first_broken?.reason, 'row_changed');
  });

  test('wrong usage is 2', async () => {
    const cases: [string[], RegExp][] = [
      [['audit', 'verify', '--anchor', '7'], /number and 64 hexadecimal digits/],
      [['audit', 'verify', '--file', 'nowhere.jsonl'], /nowhere.jsonl cannot be read/],
      [['audit', 'verify', '--file', '/dev/null'], /is not an export/],
      [['audit', 'list', '--from', 'yesterday'], /from/],
      [['audit', 'export', '--to', 'tomorrow'], /to/],
    ];
    await Promise.all(
      cases.map(async ([args, message]) => {
        const { code, stderr } = await shell.run(args);
        assert.deepEqual([code, args.join(' ')], [2, args.join(' ')], stderr);
        assert.match(stderr, message);
      }),
    );
  });
});
