import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ReeveError } from '@reeve/kit';
import { faultOf } from './client.ts';

const target = {
  url: 'https://mcp.example/?key=query-s3cr3t',
  headers: { Authorization: 'Bearer header-s3cr3t' },
  timeoutMs: 1_000,
};

describe('what a server fails with', () => {
  it('is told without what it was sent, in what a database can keep', () => {
    const thrown = new Error(`no to header-s3cr3t and query-s3cr3t \0 \ud800 ${'x'.repeat(5_000)}`);
    const { error, isOfTheCall } = faultOf(thrown, target);
    assert.deepEqual([error.reason, isOfTheCall], ['upstream_error', false]);
    assert.match(error.message, /^mcp\.example does not answer as an MCP server: no to \*\*\* and \*\*\* /);
    assert.ok(error.message.length <= 500 && error.message.isWellFormed() && !error.message.includes('\0'));
  });

  it('is the guard’s own word where that stopped it', () => {
    const refused = new ReeveError('policy_denied', 'mcp.example is not on the public Internet');
    assert.equal(
      faultOf(new Error('failed', { cause: new Error('inside', { cause: refused }) }), target).error,
      refused,
    );
  });
});
