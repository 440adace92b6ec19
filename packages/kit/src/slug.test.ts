import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { freeSlug, requireSlug, slugFromName } from './slug.ts';

/** As the contract has it. */
const SLUG = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

describe('a slug made of a name', () => {
  it('has its letters and digits', () => {
    assert.equal(slugFromName('  Élan vital: 2nd édition!  ', 'agent'), 'elan-vital-2nd-edition');
    assert.equal(slugFromName('🦊🦊', 'agent'), 'agent');
    assert.equal(
      slugFromName('0190b6ae-0000-7000-8000-000000000000', 'agent'),
      'agent-0190b6ae-0000-7000-8000-000000000000',
    );
  });

  it('is valid for any name, with a number too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }), (name) => {
        const slug = slugFromName(name, 'agent');
        assert.ok(SLUG.test(slug), slug);
        assert.ok(SLUG.test(freeSlug(slug, new Set([slug]))));
      }),
      cases(),
    );
  });

  it('gets the first free number', () => {
    assert.equal(freeSlug('scout', new Set(['scout-2'])), 'scout');
    assert.equal(freeSlug('scout', new Set(['scout', 'scout-2', 'scout-4'])), 'scout-3');
  });
});

it('a slug that looks like an id is refused', () => {
  requireSlug('scout', 'an agent');
  assert.throws(() => requireSlug('0190b6ae-0000-7000-8000-000000000000', 'an agent'), { reason: 'invalid_request' });
});
