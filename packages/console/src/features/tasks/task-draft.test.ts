import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeFaults } from '../../ui/field-faults.ts';
import { EMPTY_DRAFT, requestOf, TASK_FIELDS } from './task-draft.ts';

const LEAST = { agent_id: 'assistant', task_type: 'execute', priority: 0, max_attempts: 3 };
const ID = '019aa3c4-0000-7000-8000-000000000001';

test('a draft becomes the request of the contract', () => {
  assert.deepEqual(requestOf({ ...EMPTY_DRAFT, title: 'Add', payload: '{"task": "1+1"}', priority: 5 }), {
    task: { ...LEAST, title: 'Add', payload: { task: '1+1' }, priority: 5 },
  });
  assert.deepEqual(requestOf({ ...EMPTY_DRAFT, payload: ' ', description: 'why' }), {
    task: { ...LEAST, title: '', description: 'why', payload: {} },
  });
  const runAt = '2026-11-21T10:30';
  assert.deepEqual(
    requestOf({
      ...EMPTY_DRAFT,
      payload: '',
      runAt,
      dependsOn: ` ${ID},\n${ID} `,
      requiresApproval: true,
      concurrencyKey: 'one',
    }),
    {
      task: {
        ...LEAST,
        title: '',
        payload: {},
        run_at: new Date(runAt).toISOString(),
        depends_on: [ID, ID],
        requires_approval: true,
        concurrency_key: 'one',
      },
    },
  );
});

test('a payload that is no JSON object is held back and says why', () => {
  for (const payload of ['{', '[]', 'null', '"x"'])
    assert.ok('fault' in requestOf({ ...EMPTY_DRAFT, payload }), payload);
});

test("the server's findings land at their fields, and no finding is lost", () => {
  const faults = placeFaults(TASK_FIELDS, [
    { path: 'title', message: 'must be 1 to 500 characters' },
    { path: 'payload.task', message: 'must be a string' },
    { path: 'payload', message: 'too deep' },
    { path: 'depends_on[0]', message: 'must be a UUID' },
    { path: 'titles', message: 'unknown field' },
  ]);
  assert.deepEqual(faults.byField, {
    title: 'must be 1 to 500 characters',
    payload: 'payload.task: must be a string; too deep',
    depends_on: 'depends_on[0]: must be a UUID',
  });
  assert.deepEqual(faults.others, [{ path: 'titles', message: 'unknown field' }]);
});
