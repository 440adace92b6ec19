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
      [{ type: 'object', properties: { a: { const: 3, minimum: 4 } }, required: ['a'] }, /satisfy minimum at a\./],
      [{ type: 'array', contains: { type: 'integer' } }, /satisfy contains at the top/],
      [{ allOf: [{ type: 'string' }, { type: 'number' }] }, /satisfy type at the top/],
      [{ type: 'object', unevaluatedProperties: false }, /satisfy unevaluatedProperties at the top/],
      [{ properties: { a: 5 }, required: ['a'] }, /satisfy a schema that is no object at a\./],
      [{ $defs: { a: { allOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' }, /never ends/],
      [{ $ref: '#/__proto__' }, /satisfy \$ref/],
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

  it('ends soon where a short schema demands billions of values', () => {
    const branch = { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, required: ['a'] };
    const rows = (items: object) => ({ type: 'array', items, minItems: 1_000 });
    const twice = (depth: number) => ({
      allOf: [{ $ref: `#/$defs/d${depth - 1}` }, { $ref: `#/$defs/d${depth - 1}` }],
    });
    const doubled = Object.fromEntries(
      Array.from({ length: 38 }, (_, depth) => [`d${depth}`, depth === 0 ? {} : twice(depth)]),
    );
    const endless: readonly object[] = [
      { $defs: { a: { anyOf: [branch, branch, branch] } }, $ref: '#/$defs/a' },
      rows(rows(rows({ type: 'string', minLength: 100_000 }))),
      { $defs: doubled, $ref: '#/$defs/d37' },
    ];
    for (const schema of endless)
      assert.throws(
        () => blank(schema),
        { reason: 'invalid_request', message: /takes too much work/ },
        JSON.stringify(schema).slice(0, 100),
      );
    const pairs = {
      allOf: Array.from({ length: 30 }, (_, bound) => ({ anyOf: [{ minimum: bound }, { maximum: -bound }] })),
    };
    assert.equal(blank(pairs), 29);
  });

  it('takes a choice that satisfies the keywords beside it, and leaves out a property of which no value is found', () => {
    assert.equal(blank({ enum: [9, 'a', 3], type: 'integer', maximum: 5 }), 3);
    const schema = { type: 'object', properties: { name: { type: 'string', pattern: '^q{7}z$' } } };
    assert.deepEqual(
      smallestInstance(schema, () => 'Ada'),
      {},
    );
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
          const known: Partial<Record<string, unknown>> = { string: text, number };
          let value: unknown;
          try {
            value = smallestInstance(schema, (_, type) => known[type]);
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
    [
      'My name is Ada Byron, my color is blue. Is it urgent? urgent: yes',
      'My name is Ada Lovelace, age: 36. It is 21 degrees celsius in Bern and the first name = "Ada".',
    ],
    '12 * 7 = 84.',
  );
  const said: readonly (readonly [name: string, type: Parameters<typeof hint>[1], value: unknown])[] = [
    ['name', 'string', 'Ada Lovelace'],
    ['firstName', 'string', 'Ada'],
    ['age', 'number', 36],
    ['celsius', 'number', 21],
    ['answer', 'string', '12 * 7 = 84.'],
    ['result', 'number', 84],
    ['color', 'string', 'blue'],
    ['city', 'string', 'Bern'],
    ['urgent', 'boolean', true],
    ['taste', 'string', undefined],
    ['.*', 'string', undefined],
  ];
  for (const [name, type, value] of said)
    it(`${name} is ${String(value)}`, () => assert.equal(hint([name], type), value));

  it('names one of the choices, unless it names several', () => {
    assert.equal(hint(['favorite'], 'choice', ['red', 'blue']), 'blue');
    assert.equal(hint(['favorite'], 'choice', ['Ada', 'Byron', 'blue']), 'Ada');
    assert.equal(hint(['favorite'], 'choice', ['red', 'green']), undefined);
    assert.equal(hintsFrom(['red or blue'], '')(['favorite'], 'choice', ['red', 'blue']), undefined);
  });
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
      fc.record({ allOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
      fc.constantFrom(
        { $ref: '#/$defs/leaf' },
        { type: 'string', pattern: '^[A-Z]{3}$' },
        { type: 'string', format: 'date' },
      ),
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
      fc.record({ oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    ) as fc.Arbitrary<object>,
  }));
  return fc.tuple(schema, schema).map(([of, leaf]) => ({ $defs: { leaf }, ...of }));
}
