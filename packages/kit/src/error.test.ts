import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { invalidField, isRetryable, ReeveError } from './error.ts';

describe('an error', () => {
  it('takes its status and code from its reason', () => {
    const error = new ReeveError('unknown_tool', 'no such tool');
    assert.deepEqual([error.status, error.code, error.details], [404, 'not_found', []]);
  });

  it('made from anything else is internal and keeps it as the cause', () => {
    const thrown = new TypeError('x is not a function');
    assert.deepEqual([ReeveError.from(thrown).reason, ReeveError.from(thrown).cause], ['internal', thrown]);
    assert.equal(ReeveError.from('text').message, 'text');
    const own = new ReeveError('conflict', 'taken');
    assert.equal(ReeveError.from(own), own);
  });

  it('about one field names it in the message and in the details', () => {
    const error = invalidField('tasks.0.title', 'is too long');
    assert.deepEqual(
      [error.reason, error.message, error.details],
      ['invalid_request', 'tasks.0.title: is too long', [{ path: 'tasks.0.title', message: 'is too long' }]],
    );
  });

  it('is worth another try only where the same call may succeed by itself', () => {
    const retryable = (reason: ConstructorParameters<typeof ReeveError>[0]) => isRetryable(new ReeveError(reason, ''));
    assert.deepEqual((['unavailable', 'upstream_error', 'timeout', 'internal'] as const).map(retryable), [
      true,
      true,
      true,
      true,
    ]);
    assert.deepEqual((['invalid_request', 'conflict', 'budget_exhausted', 'lease_lost'] as const).map(retryable), [
      false,
      false,
      false,
      false,
    ]);
  });
});
