import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf } from './memory.ts';
import { titleOf } from './session.ts';

describe('the title of a session', () => {
  it('is the first line of the first message that says something', () => {
    assert.equal(titleOf('\n  \r\n  Plan   my\tweek \nwith care'), 'Plan my week');
    assert.equal(titleOf('one\u2028two'), 'one');
    assert.equal(titleOf(' \n '), 'New session');
  });

  it('has at most 80 characters and no half ones', () => {
    assert.equal(titleOf('x'.repeat(500)).length, 80);
    const title = titleOf(`${'x'.repeat(79)}🦊`);
    assert.equal(title, 'x'.repeat(79));
    assert.ok(title.isWellFormed());
  });
});

describe('the digest of a memory', () => {
  it('is the same whatever the case, the white space and the form of the characters', () => {
    const digests = ['Straße  ﬁne é', '  straße\nFINE e\u0301 ', 'STRAßE fine é'].map(digestOf);
    assert.equal(new Set(digests).size, 1);
    assert.notEqual(digestOf('fine'), digestOf('fine.'));
  });

  it('is refused to a text of nothing but white space', () => {
    assert.throws(() => digestOf(' \n\u3000'), {
      reason: 'invalid_request',
      details: [{ path: 'text', message: 'must say something' }],
    });
  });
});
