import assert from 'node:assert/strict';
import { it } from 'node:test';
import { recordOf } from './playbook-record.ts';

it('a playbook’s record is told in words, and one that has failed stands out', () => {
  assert.deepEqual(recordOf({ successes: 1, failures: 0 }), { status: 'success', text: 'Worked once' });
  assert.deepEqual(recordOf({ successes: 1_200, failures: 2 }), {
    status: 'degraded',
    text: 'Worked 1,200 times, failed twice',
  });
});
