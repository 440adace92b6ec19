import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Budget } from '@reeve/contract';
import { applyingBudgets, bindingOf, budgetName, personasIn } from './binding.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const budget = (scope: Budget['scope'], ref: string, part: Partial<Budget> = {}): Budget => ({
  scope,
  ref,
  limit_tokens: null,
  spent_tokens: 0,
  reserved_tokens: 0,
  left_tokens: null,
  limit_usd: null,
  spent_usd: '0',
  reserved_usd: '0',
  left_usd: null,
  updated_by: 'ada',
  updated_at: '2026-11-01T00:00:00Z',
  ...part,
});
const BUDGETS = [
  budget('tenant', '', { limit_tokens: 1_000, left_tokens: 400, limit_usd: '250', left_usd: '9.5' }),
  budget('month', 'default:2026-11', { limit_tokens: 500, left_tokens: 500 }),
  budget('month', 'default:2026-10', { limit_tokens: 1, left_tokens: 0 }),
  budget('month', 'qa_bot:2026-11', { limit_usd: '2', left_usd: '0.25' }),
  budget('persona', 'qa_bot', { limit_tokens: 400, left_tokens: 400 }),
  budget('agent', 'scout', { limit_tokens: 90, left_tokens: 80 }),
  budget('run', 'r1', { limit_usd: '1', left_usd: '0.1' }),
];
const bind = (whose: Parameters<typeof applyingBudgets>[1]) => {
  const applying = applyingBudgets(BUDGETS, whose, NOW);
  return (['tokens', 'usd'] as const).map((currency) => {
    const { budget: by, left } = bindingOf(applying, currency) ?? {};
    return [by?.scope, left];
  });
};

test('calls of nobody in particular are bound by the tenant or the month, whichever has less left', () => {
  assert.deepEqual(bind({}), [
    ['tenant', 400],
    ['tenant', 9.5],
  ]);
  assert.equal(applyingBudgets(BUDGETS, {}, NOW).length, 2);
});

test('the narrowest binds only where it has the least left', () => {
  assert.deepEqual(bind({ agent: 'scout' })[0], ['agent', 80]);
  assert.deepEqual(bind({ agent: 'other' })[0], ['tenant', 400]);
  assert.deepEqual(bind({ persona: 'qa_bot' }), [
    ['tenant', 400],
    ['month', 0.25],
  ]);
  assert.deepEqual(bind({ persona: 'qa_bot', run: 'r1' })[1], ['run', 0.1]);
});

test('a month that is over binds nobody, and nothing binds where nothing is limited', () => {
  assert.ok(!applyingBudgets(BUDGETS, {}, NOW).some(({ ref }) => ref === 'default:2026-10'));
  assert.equal(bindingOf([], 'usd'), undefined);
  assert.equal(bindingOf([budget('tenant', '')], 'tokens'), undefined);
});

test('budgets are called by what they are for', () => {
  const names = BUDGETS.map((each) => budgetName(each, (id) => `…${id}`));
  assert.deepEqual(names, [
    'Everything',
    'Month 2026-11',
    'Month 2026-10',
    'Month 2026-11, persona …qa_bot',
    'Persona …qa_bot',
    'Agent scout',
    'Run …r1',
  ]);
  assert.deepEqual(personasIn(BUDGETS), ['qa_bot']);
});
