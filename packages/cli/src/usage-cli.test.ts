import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { AnswerOf, Budget, routes } from '@reeve/contract';
import { runJson, useServedShell } from '../test/served-shell.ts';
import { createShell, type TestShell } from '../test/shell.ts';

type Budgets = AnswerOf<typeof routes.listBudgets>;
type Usage = AnswerOf<typeof routes.getUsage>;

suite('usage and budgets, without a server', () => {
  let shell: TestShell;
  before(async () => void (shell = await createShell()));
  after(() => shell[Symbol.asyncDispose]());

  test('a budget that is set is there for the next command, and gone when it is cleared', async () => {
    const set = await runJson<Budget>(shell, ['budgets', 'set', 'tenant', '--usd', '25', '--tokens', '500000']);
    assert.deepEqual([set.limit_usd, set.limit_tokens, set.left_tokens], ['25', 500_000, 500_000]);
    await runJson<Budget>(shell, ['budgets', 'set', 'agent', 'assistant', '--usd', '0.50']);
    const { budgets } = await runJson<Budgets>(shell, ['budgets', 'list', '--scope', 'agent']);
    assert.deepEqual(
      budgets.map(({ scope, ref, limit_usd }) => [scope, ref, limit_usd]),
      [['agent', 'assistant', '0.5']],
    );
    assert.equal((await runJson<Budget>(shell, ['budgets', 'clear', 'tenant'])).limit_usd, null);
    assert.equal((await runJson<Budgets>(shell, ['budgets', 'list'])).total, 1);
  });
});

suite('usage and budgets, beside a server', () => {
  let shell: TestShell;
  useServedShell((opened) => void (shell = opened));

  test('usage answers the range and the groups that were asked for', async () => {
    const usage = await runJson<Usage>(shell, ['usage', '--by', 'day', '--from', '2026-01-01', '--to', '2026-01-02']);
    assert.deepEqual(
      [usage.from, usage.to, usage.group_by, usage.totals.calls, usage.groups],
      ['2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z', 'day', 0, []],
    );
  });

  test('wrong usage is 2, and what is not there 1', async () => {
    const cases: [string[], number, RegExp][] = [
      [['usage', '--from', 'yesterday'], 2, /or a day such as 2026-11-21/],
      [['budgets', 'set', 'tenant'], 2, /--tokens, --usd or both/],
      [['budgets', 'set', 'world', '--usd', '1'], 2, /tenant, persona, agent, run/],
      [['budgets', 'set', 'tenant', '--usd', 'lots'], 2, /decimal number of USD/],
      [['budgets', 'clear', 'tenant'], 1, /there is no budget of the tenant/],
    ];
    await Promise.all(
      cases.map(async ([args, expected, message]) => {
        const { code, stderr } = await shell.run(args);
        assert.equal(code, expected, args.join(' '));
        assert.match(stderr, message);
      }),
    );
  });
});
