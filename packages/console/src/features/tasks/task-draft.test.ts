import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_DRAFT, faultsOf, requestOf } from './task-draft.ts';

test('a draft becomes the request of the contract', () => {
  assert.deepEqual(requestOf({ ...EMPTY_DRAFT, title: 'Add', payload: '{"task": "1+1"}', priority: 5 }), {
    task: { agent_id: 'assistant', task_type: 'execute', title: 'Add', payload: { task: '1+1' }, priority: 5 },
  });
  assert.deepEqual(requestOf({ ...EMPTY_DRAFT, payload: ' ', description: 'why' }), {
    task: { agent_id: 'assistant', task_type: 'execute', title: '', description: 'why', payload: {}, priority: 0 },
  });
});

test('a payload that is no JSON object is held back and says why', () => {
  for (const payload of ['{', '[]', 'null', '"x"'])
    assert.ok('payloadFault' in requestOf({ ...EMPTY_DRAFT, payload }), payload);
});

test("the server's findings land at their fields, and no finding is lost", () => {
  const faults = faultsOf([
    { path: 'title', message: 'must be 1 to 500 characters' },
    { path: 'payload.task', message: 'must be a string' },
    { path: 'payload', message: 'too deep' },
    { path: 'colour', message: 'unknown field' },
  ]);
  assert.deepEqual(faults.byField, {
    title: 'must be 1 to 500 characters',
    payload: 'payload.task: must be a string; too deep',
  });
  assert.deepEqual(faults.others, [{ path: 'colour', message: 'unknown field' }]);
});
