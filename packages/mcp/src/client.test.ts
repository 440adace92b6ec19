import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client';
import { ReeveError } from '@reeve/kit';
import { explainFailure } from './client.ts';
import { redactSecrets } from './secrets.ts';

const target = {
  transport: 'http',
  url: 'https://mcp.example/?key=query-s3cr3t',
  headers: { Authorization: 'Bearer header-s3cr3t' },
} as const;

describe('what a server fails with', () => {
  it('is told without what it was sent, in what a database can keep', () => {
    const thrown = new Error(`no to header-s3cr3t and query-s3cr3t \0 \ud800 ${'x'.repeat(5_000)}`);
    const { error, isOfTheCall } = explainFailure(thrown, target, false);
    assert.deepEqual([error.reason, isOfTheCall], ['upstream_error', false]);
    assert.match(error.message, /^mcp\.example does not answer as an MCP server: no to \*\*\* and \*\*\* /);
    assert.ok(error.message.length <= 500 && error.message.isWellFormed() && !error.message.includes('\0'));
  });

  it('is the guard’s own word where that stopped it', () => {
    const refused = new ReeveError('policy_denied', 'mcp.example is not on the public Internet');
    assert.equal(
      explainFailure(new Error('failed', { cause: new Error('inside', { cause: refused }) }), target, false).error,
      refused,
    );
  });

  it('is a session that is gone only where there was one, and else the matter of that call', () => {
    const refusals = [400, 404, 429, 500].map((status) => {
      const thrown = new SdkHttpError(SdkErrorCode.ClientHttpNotImplemented, 'no', { status, statusText: '' });
      const [inSession, without] = [explainFailure(thrown, target, true), explainFailure(thrown, target, false)];
      return [status, inSession.isSessionGone, inSession.isOfTheCall, without.isSessionGone, without.isOfTheCall];
    });
    assert.deepEqual(refusals, [
      [400, true, false, false, true],
      [404, true, false, false, true],
      [429, false, true, false, true],
      [500, false, true, false, true],
    ]);
  });
});

describe('what a server says', () => {
  const redact = redactSecrets({
    ...target,
    headers: { ...target.headers, 'X-Quoted': 'quoted "s3cr3t"', 'X-Region': 'east' },
  });

  it('holds nothing that it was sent, in no text and no key, however it is written', () => {
    const said = {
      'header-s3cr3t': ['Bearer header-s3cr3t', { deep: 'k=query-s3cr3t', json: JSON.stringify('quoted "s3cr3t"') }],
      encoded: encodeURIComponent('quoted "s3cr3t"'),
    };
    assert.deepEqual(redact(said), { '***': ['***', { deep: 'k=***', json: '"***"' }], encoded: '***' });
  });

  it('stays as it is otherwise, also where it looks like a secret', () => {
    const said = { text: 'Basic authentication in the east, with sk-12345678901', count: 7, none: null };
    assert.deepEqual(redact(said), said);
  });
});
