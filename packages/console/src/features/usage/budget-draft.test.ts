import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf, clearanceOf, draftOf, type BudgetDraft, type SettableBudget } from './budget-draft.ts';

const draft = (part: Partial<BudgetDraft>): BudgetDraft => ({ ...draftOf(undefined), ...part });

test('limits are read as people write them', () => {
  assert.deepEqual(changeOf(draft({ usd: ' $1,250.50 ', tokens: '2 000 000' }), false), {
    change: { scope: 'tenant', limit_usd: '1250.50', limit_tokens: 2_000_000 },
  });
  assert.deepEqual(changeOf(draft({ tokens: '2 million' }), false), { fault: { tokens: 'must be a whole number' } });
});

test('a limit left empty is taken from a budget that is there, and not from one that may be', () => {
  const agent = draft({ scope: 'agent', ref: 'assistant', usd: '5' });
  assert.deepEqual(changeOf(agent, false), { change: { scope: 'agent', ref: 'assistant', limit_usd: '5' } });
  assert.deepEqual(changeOf(agent, true), {
    change: { scope: 'agent', ref: 'assistant', limit_usd: '5', limit_tokens: null },
  });
});

test('a budget without a limit is none', () => {
  assert.ok('fault' in changeOf(draft({}), false));
  assert.ok('fault' in changeOf(draft({ usd: ' ' }), true));
  assert.deepEqual(clearanceOf({ scope: 'tenant', ref: '' } as SettableBudget), {
    scope: 'tenant',
    limit_usd: null,
    limit_tokens: null,
  });
});
