import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReeveError } from '@reeve/kit';
import { z } from 'zod';
import { validate } from './validate.ts';

function faultsOf(schema: z.ZodType, value: unknown): string[] {
  try {
    validate(schema, value, 'body');
  } catch (error) {
    const { reason, details } = error as ReeveError;
    assert.equal(reason, 'invalid_request');
    return details.map(({ path, message }) => `${path} ${message}`);
  }
  return [];
}

describe('a message about a wrong value', () => {
  for (const [what, schema, value, message] of [
    ['a missing field', z.string(), undefined, 'a is required'],
    ['another type', z.string(), 7, 'a must be a string'],
    ['a list', z.array(z.string()), {}, 'a must be an array'],
    ['an object', z.record(z.string(), z.string()), [], 'a must be an object'],
    ['a fraction', z.number().int(), 1.5, 'a must be a whole number'],
    ['a small number', z.number().min(3), 2, 'a must be at least 3'],
    ['a big number', z.number().max(3), 4, 'a must be at most 3'],
    ['an infinite number', z.number(), Infinity, 'a must be a number'],
    ['a short text', z.string().min(2), 'x', 'a must have at least 2 characters'],
    ['a long list', z.array(z.string()).max(1), ['', ''], 'a must have at most 1 items'],
    ['none of several', z.enum(['x', 'y']), 'z', 'a must be one of x, y'],
    ['a format', z.iso.datetime(), 'yesterday', 'a must be a valid datetime'],
    ['the own words of a schema', z.string().min(2, 'must be 2 to 9 characters'), '', 'a must be 2 to 9 characters'],
    ['a check of its own', z.string().refine(() => false, 'must rhyme'), '', 'a must rhyme'],
  ] as const) {
    it(`says what would be right for ${what}`, () =>
      assert.deepEqual(faultsOf(z.strictObject({ a: schema }), { a: value }), [message]));
  }

  it('gives the path of a nested field, and the whole where there is none', () => {
    assert.deepEqual(
      faultsOf(z.object({ list: z.array(z.strictObject({ id: z.number() })) }), {
        list: [{ id: 1 }, { id: 'x', more: 1 }],
      }),
      ['list.1.id must be a number', 'list.1.more is not a known field'],
    );
    assert.deepEqual(faultsOf(z.strictObject({}), 7), ['body must be an object']);
  });

  it('is short, however many and long the wrong fields are', () => {
    const faults = faultsOf(
      z.strictObject({}),
      Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${index}`.repeat(1_000), 1])),
    );
    assert.equal(faults.length, 50);
    assert.ok(faults.every((fault) => fault.length < 250));
  });
});
