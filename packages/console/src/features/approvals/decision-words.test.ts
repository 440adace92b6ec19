import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Approval } from '@reeve/contract';
import { outcomeText } from './decision-words.ts';

const decided = (part: Partial<Approval>) =>
  outcomeText({ status: 'approved', decided_by: 'ada', edited_input: null, result: null, ...part } as Approval);

test('what was decided is said for each kind, with who did', () => {
  assert.equal(decided({ kind: 'task' }), 'Approved by ada');
  assert.equal(decided({ kind: 'tool_call', edited_input: { to: 'b' } }), 'Approved with another input by ada');
  assert.equal(
    decided({ kind: 'tool_call', status: 'rejected', decided_by: 'system' }),
    'Rejected by the time running out',
  );
  assert.equal(decided({ kind: 'tool_outcome' }), 'Made again by ada');
  assert.equal(decided({ kind: 'tool_outcome', result: '' }), 'Result given by ada');
  assert.equal(decided({ kind: 'tool_outcome', status: 'rejected' }), 'Skipped by ada');
  assert.equal(decided({ kind: 'tool_call', status: 'withdrawn', decided_by: null }), 'Withdrawn');
});
