import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holderNameOf } from './holder.ts';

const token = (claims: unknown): string =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2lnbmF0dXJl`;

test('a token names its subject, in any script', () => {
  assert.equal(holderNameOf(token({ sub: 'ada@example.org' })), 'ada@example.org');
  assert.equal(holderNameOf(token({ sub: 'Zoë 王' })), 'Zoë 王');
});

test('a key shows its public part and never its secret', () => {
  const secret = 'x'.repeat(49);
  assert.equal(holderNameOf(`rv_0123456789ab_${secret}`), 'rv_0123456789ab');
  for (const odd of ['rv_only-for-tests', 'a.b.c', token({ sub: 7 }), token(null), '..', secret])
    assert.equal(holderNameOf(odd), 'an API key');
});
