import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { z } from 'zod';
import { hintsFrom } from './hints.ts';
import { smallestInstance } from './instance.ts';

const blank = (schema: unknown) => smallestInstance(schema, () => undefined);
const fits = (schema: object, value: unknown) =>
  z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value).success;

describe('the smallest instance of a JSON Schema', () => {
  const examples: readonly (readonly [schema: unknown, instance: unknown])[] = [
    [true, null],
    [{}, null],
    [{ type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer' } }, required: ['b'] }, { b: 0 }],
    [{ type: ['string', 'null'] }, null],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, null],
    [{ enum: ['red', 'green'] }, 'red'],
    [{ const: { a: 1 } }, { a: 1 }],
    [{ type: 'integer', minimum: 3, multipleOf: 5 }, 5],
    [{ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, 0.5],
    [{ type: 'number', maximum: -2.5 }, -2.5],
    [{ type: 'string', minLength: 3 }, '---'],
    [{ type: 'string', pattern: '^[A-Z]{3}$' }, 'AAA'],
    [{ type: 'string', pattern: '^a*$' }, ''],
    [{ type: 'string', format: 'date' }, '1970-01-01'],
    [{ type: 'array', items: { type: 'boolean' }, minItems: 2 }, [false, false]],
    [{ type: 'array', items: { type: 'integer' }, minItems: 3, uniqueItems: true }, [0, 1, 2]],
    [{ type: 'array', prefixItems: [{ const: 'x' }, { type: 'number' }], minItems: 2 }, ['x', 0]],
    [{ type: 'object', minProperties: 1, additionalProperties: { type: 'boolean' } }, { property_1: false }],
    [{ $ref: '#/$defs/leaf', $defs: { leaf: { type: 'boolean' } } }, false],
    [
      {
        $defs: {
          node: {
            type: 'object',
            properties: { next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
            required: ['next'],
          },
        },
        $ref: '#/$defs/node',
      },
      { next: null },
    ],
    [
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'integer', minimum: 2 } }, required: ['a'] },
          { properties: { a: { minimum: 4 } } },
        ],
      },
      { a: 4 },
    ],
    [
      { oneOf: [{ type: 'object', properties: { kind: { const: 'cat' } }, required: ['kind'] }, { type: 'string' }] },
      { kind: 'cat' },
    ],
  ];
  for (const [schema, instance] of examples)
    it(`of ${JSON.stringify(schema)}`, () => assert.deepEqual(blank(schema), instance));

  it('names the keyword that it cannot satisfy, and where', () => {
    const refused: readonly (readonly [schema: unknown, message: RegExp])[] = [
      [false, /cannot satisfy false at the top/],
      [{ type: 'object', properties: { a: { not: { type: 'null' } } }, required: ['a'] }, /satisfy not at a\./],
      [{ type: 'string', pattern: '^q{7}z$' }, /satisfy pattern/],
      [{ type: 'string', pattern: '(?=a)b' }, /satisfy pattern/],
      [{ type: 'integer', minimum: 3, maximum: 2 }, /satisfy minimum/],
      [{ type: 'array', minItems: 10_000_000 }, /satisfy minItems/],
      [{ type: 'string', minLength: 1e9 }, /satisfy minLength/],
      [{ $ref: '#/nowhere' }, /satisfy \$ref/],
      [{ $ref: 'https://example.com/schema' }, /satisfy \$ref/],
      [{ $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' }, /satisfy \$ref/],
      [
        {
          $defs: { a: { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, required: ['a'] } },
          $ref: '#/$defs/a',
        },
        /never ends/,
      ],
    ];
    for (const [schema, message] of refused)
      assert.throws(() => blank(schema), { reason: 'invalid_request', message }, JSON.stringify(schema));
  });

  it('fits the schema, whatever that is and whatever is known, or is refused', () => {
    let [tried, made] = [0, 0];
    fc.assert(
      fc.property(
        schemas(),
        fc.option(fc.string(), { nil: undefined }),
        fc.option(fc.integer(), { nil: undefined }),
        (schema, text, number) => {
          tried += 1;
          let value: unknown;
          try {
            value = smallestInstance(schema, (_, type) => (type === 'string' ? text : number));
          } catch (error) {
            assert.equal((error as { reason?: string }).reason, 'invalid_request');
            return;
          }
          made += 1;
          assert.ok(fits(schema, value), `${JSON.stringify(schema)} has ${JSON.stringify(value)}`);
        },
      ),
      cases(500),
    );
    assert.ok(made * 3 > tried, `${made} of ${tried} were made`);
  });
});

describe('what a request says of a property', () => {
  const hint = hintsFrom(
    'My name is Ada Lovelace, age: 36. It is 21 degrees celsius and the first name = "Ada".',
    '12 * 7 = 84.',
  );
  const said: readonly (readonly [name: string, type: 'string' | 'number', value: unknown])[] = [
    ['name', 'string', 'Ada Lovelace'],
    ['firstName', 'string', 'Ada'],
    ['age', 'number', 36],
    ['celsius', 'number', 21],
    ['answer', 'string', '12 * 7 = 84.'],
    ['result', 'number', 84],
    ['color', 'string', undefined],
    ['.*', 'string', undefined],
  ];
  for (const [name, type, value] of said)
    it(`${name} is ${String(value)}`, () => assert.equal(hint([name], type), value));
});

function schemas(): fc.Arbitrary<object> {
  const { schema } = fc.letrec<{ schema: object }>((tie) => ({
    schema: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.record(
        { type: fc.constant('string'), minLength: fc.nat(5), maxLength: fc.nat(9) },
        { requiredKeys: ['type'] },
      ),
      fc.record(
        {
          type: fc.constantFrom('integer', 'number'),
          minimum: fc.integer({ min: -9, max: 9 }),
          maximum: fc.integer({ min: -9, max: 9 }),
          multipleOf: fc.constantFrom(1, 2, 5),
        },
        { requiredKeys: ['type'] },
      ),
      fc.constantFrom({ type: 'boolean' }, { type: 'null' }, { enum: ['a', 1, null] }, { const: 'x' }),
      fc.record(
        { type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(3), maxItems: fc.nat(3) },
        { requiredKeys: ['type', 'items'] },
      ),
      fc
        .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'name', 'answer'), tie('schema'), fc.boolean()), {
          maxLength: 3,
          selector: ([name]) => name,
        })
        .map((entries) => ({
          type: 'object',
          properties: Object.fromEntries(entries.map(([name, of]) => [name, of])),
          required: entries.filter(([, , isRequired]) => isRequired).map(([name]) => name),
          additionalProperties: false,
        })),
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    ) as fc.Arbitrary<object>,
  }));
  return schema;
}
