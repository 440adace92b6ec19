import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { AnswerOf, routes, Tenant } from '@reeve/contract';
import { createShell, type TestShell } from '../test/shell.ts';

suite('tenants', () => {
  const directory = mkdtempSync(join(tmpdir(), 'reeve-tenants-'));
  const file = join(directory, 'tenants.yaml');
  let shell: TestShell;
  before(async () => void (shell = await createShell()));
  after(async () => {
    await shell[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  test('a good file is 0, and a broken one 1 with every problem by its line', async () => {
    writeFileSync(file, 'default: {}\nacme: { fail_open: false }\n');
    const good = await shell.run(['tenants', 'check', file]);
    assert.deepEqual([good.code, JSON.parse(good.stdout)], [0, { ok: true, file, problems: [] }]);
    writeFileSync(file, 'acme:\n  fail_opne: false\n  budgets: { default: -1 }\n');
    const bad = await shell.run(['tenants', 'check', file]);
    assert.equal(bad.code, 1);
    assert.deepEqual(
      (JSON.parse(bad.stdout) as { problems: { line: number }[] }).problems.map(({ line }) => line),
      [2, 3],
    );
    assert.match(bad.stderr, /tenants\.yaml, line 2: acme: there is no field fail_opne; did you mean fail_open\?/);
    assert.match(bad.stderr, /line 3: acme\.budgets\.default: must be a whole number/);
    const none = await shell.run(['tenants', 'check', `${file}.none`]);
    assert.deepEqual([none.code, /cannot be read/.test(none.stderr)], [1, true]);
    assert.equal((await shell.run(['tenants', 'check'])).code, 0, 'the file of the configuration');
  });

  test('are listed and shown with what holds and where it comes from, and a broken file stops the command', async () => {
    writeFileSync(file, 'default: {}\nacme:\n  rate_limits: { requests_per_minute: 7 }\n');
    const environment = { REEVE_TENANTS_FILE: file };
    const listed = await shell.run(['tenants', 'list'], { environment });
    assert.equal(listed.code, 0, listed.stderr);
    const { tenants } = JSON.parse(listed.stdout) as AnswerOf<typeof routes.listTenants>;
    assert.deepEqual(
      tenants.map(({ id }) => id),
      ['acme', 'default'],
    );
    const shown = await shell.run(['tenants', 'show', 'acme', '--json'], { environment });
    const { policy, origins } = JSON.parse(shown.stdout) as Tenant;
    assert.deepEqual(
      [policy.rate_limits.requests_per_minute, origins['rate_limits.requests_per_minute'], origins['fail_open']],
      [7, 'file', 'default'],
    );
    assert.equal((await shell.run(['tenants', 'show', 'nobody'], { environment })).code, 1);
    writeFileSync(file, 'acme: 3\n');
    const stopped = await shell.run(['tenants', 'list'], { environment });
    assert.equal(stopped.code, 2);
    assert.match(stopped.stderr, /tenants\.yaml, line 1: acme: must be a mapping/);
  });
});
