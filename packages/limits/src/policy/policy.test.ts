import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TenantPolicyView } from '@reeve/contract';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { globMatches } from './glob.ts';
import { changeSettings, composePolicy, mayUseModel, toolRule } from './policy.ts';

describe('a pattern', () => {
  it('fits what the same pattern as a regular expression fits', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?', '.', '\n'), maxLength: 12 });
    fc.assert(
      fc.property(letters, letters, (pattern, name) => {
        const parts = [...pattern].map((letter) =>
          letter === '*' ? '.*' : letter === '?' ? '.' : RegExp.escape(letter),
        );
        const reference = new RegExp(`^${parts.join('')}$`, 's');
        assert.equal(globMatches(pattern, name), reference.test(name), JSON.stringify([pattern, name]));
      }),
      cases(3_000),
    );
  });

  it('takes no time to speak of, whatever it holds', () => {
    const startedAt = performance.now();
    assert.equal(globMatches(`${'*a'.repeat(100)}b`, 'a'.repeat(10_000)), false);
    assert.ok(performance.now() - startedAt < 1_000);
  });
});

describe('a policy', () => {
  it('has the defaults where nobody says anything', () => {
    const policy = composePolicy('acme', []);
    assert.deepEqual(TenantPolicyView.parse(policy.settings), policy.settings);
    assert.deepEqual(
      [policy.failOpen, policy.requestsPerMinute, policy.concurrentRuns, policy.settings.budgets],
      [true, null, null, { default: 0 }],
    );
    assert.deepEqual(new Set(Object.values(policy.origins)), new Set(['default']));
  });

  it('inherits value by value, and says where each comes from', () => {
    const policy = composePolicy('acme', [
      {
        origin: 'file:default',
        settings: { fail_open: false, budgets: { default: 5, qa: 7 }, routing: { allow: ['a/*'], deny: ['x'] } },
      },
      {
        origin: 'file',
        settings: { budgets: { default: 9 }, routing: { deny: [] }, rate_limits: { concurrent_runs: 3 } },
      },
      { origin: 'override', settings: { rate_limits: { requests_per_minute: 60 }, tools: { deny: ['bash_*'] } } },
    ]);
    assert.deepEqual(policy.settings, {
      fail_open: false,
      budgets: { default: 9, qa: 7 },
      budgets_usd: { default: '0' },
      rate_limits: { requests_per_minute: 60, concurrent_runs: 3 },
      routing: { allow: ['a/*'], deny: [] },
      tools: { allow: [], deny: ['bash_*'], approve: [] },
      egress: { default: [] },
      memory: { extract: false, secrets: 'refuse', refuse: [], mask: [] },
    });
    assert.deepEqual(policy.origins, {
      fail_open: 'file:default',
      'budgets.default': 'file',
      'budgets.qa': 'file:default',
      'budgets_usd.default': 'default',
      'rate_limits.requests_per_minute': 'override',
      'rate_limits.concurrent_runs': 'file',
      'routing.allow': 'file:default',
      'routing.deny': 'file',
      'tools.allow': 'default',
      'tools.deny': 'override',
      'tools.approve': 'default',
      'egress.default': 'default',
      'memory.extract': 'default',
      'memory.secrets': 'default',
      'memory.refuse': 'default',
      'memory.mask': 'default',
    });
    assert.deepEqual([policy.requestsPerMinute, policy.concurrentRuns], [60, 3]);
  });

  it('lets nobody use what is denied, and all the rest where nothing is allowed by name', () => {
    const policy = (routing: { allow?: string[]; deny?: string[] }) =>
      composePolicy('acme', [{ origin: 'file', settings: { routing } }]);
    const cases: [{ allow?: string[]; deny?: string[] }, string, boolean][] = [
      [{}, 'openai/gpt-5', true],
      [{ deny: ['gpt-5'] }, 'openai/gpt-5', false],
      [{ deny: ['openai/*'] }, 'openai/gpt-5', false],
      [{ deny: ['openai/*'] }, 'anthropic/claude', true],
      [{ allow: ['meta-llama/*'] }, 'openai-compatible/meta-llama/llama-3', true],
      [{ allow: ['meta-llama/*'] }, 'meta-llama/llama-3', true],
      [{ allow: ['meta-llama/*'] }, 'openai/gpt-5', false],
      [{ allow: ['*'], deny: ['*mini'] }, 'openai/gpt-5-mini', false],
      [{ allow: ['mock'] }, 'mock', true],
    ];
    for (const [routing, model, expected] of cases)
      assert.equal(mayUseModel(policy(routing), model), expected, JSON.stringify([routing, model]));
  });

  it('denies a tool before it asks about it, and asks before it allows', () => {
    const tools = { allow: ['read_*'], deny: ['bash_execute'], approve: ['web_*', 'bash_execute'] };
    const policy = composePolicy('acme', [{ origin: 'file', settings: { tools } }]);
    assert.deepEqual(
      ['read_file', 'bash_execute', 'web_crawl', 'write_file'].map((tool) => toolRule(policy, tool)),
      ['allow', 'deny', 'approve', 'deny'],
    );
    assert.equal(toolRule(composePolicy('acme', []), 'bash_execute'), 'allow');
  });

  it('changes by what is given, and null takes away', () => {
    const before = { fail_open: false, budgets: { default: 5, qa: 7 }, tools: { deny: ['x'] } };
    const after = changeSettings(before, { fail_open: null, budgets: { qa: null, dev: 1 }, tools: { deny: null } });
    assert.deepEqual(after, { budgets: { default: 5, dev: 1 } });
    assert.deepEqual(changeSettings(before, {}), before);
  });
});
