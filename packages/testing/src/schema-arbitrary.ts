import fc from 'fast-check';
import type { OpenApi } from './schema-fields.ts';

type Schema = Readonly<Record<string, unknown>>;

/** What strings with a meaning are taken from, beside inventions. */
export interface Pool {
  /** Ids that were seen. */
  readonly ids: readonly string[];
  /** Names of things that there are. */
  readonly names: readonly string[];
}

/** Long texts and lists are cut to this, so that a request stays small. */
const MOST_CHARACTERS = 40;
const MOST_ITEMS = 4;

/** Values that a schema of an OpenAPI document allows. Those of strings are now and then something that exists. */
export function valuesOf(document: OpenApi, given: Schema, pool: Pool): fc.Arbitrary<unknown> {
  const below = (schema: Schema) => valuesOf(document, schema, pool);
  const schema = typeof given['$ref'] === 'string' ? document.components.schemas[nameOf(given['$ref'])]! : given;
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const choices = (schema['anyOf'] ?? schema['oneOf']) as Schema[] | undefined;
  if (choices !== undefined) return fc.oneof(...choices.map(below));
  switch (schema['type']) {
    case 'string':
      return texts(schema, pool);
    case 'integer':
      return fc.integer(rangeOf(schema));
    case 'number':
      return fc.double({ ...rangeOf(schema), noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array': {
      const { minItems = 0, maxItems = MOST_ITEMS } = schema as { minItems?: number; maxItems?: number };
      const maxLength = Math.max(minItems, Math.min(maxItems, MOST_ITEMS));
      return fc.array(below((schema['items'] ?? {}) as Schema), { minLength: minItems, maxLength });
    }
    case 'object':
      return objects(schema, below);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

/** Values that a schema may well not allow: of another type, or allowed but for one part. */
export function nearValuesOf(document: OpenApi, schema: Schema, pool: Pool): fc.Arbitrary<unknown> {
  const right = valuesOf(document, schema, pool);
  const strange = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string({ unit: 'grapheme', maxLength: 300 }));
  return fc.oneof(
    strange,
    fc.tuple(right, fc.nat(), strange).map(([value, place, other]) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return other;
      const names = Object.keys(value);
      const name = names.length === 0 ? 'strange' : names[place % names.length]!;
      return { ...value, [name]: other };
    }),
  );
}

function nameOf(reference: string): string {
  return reference.split('/').at(-1)!;
}

function texts(schema: Schema, { ids, names }: Pool): fc.Arbitrary<string> {
  const {
    minLength = 0,
    maxLength = MOST_CHARACTERS,
    pattern,
    format,
  } = schema as Readonly<{
    minLength?: number;
    maxLength?: number;
    pattern?: string;
    format?: string;
  }>;
  if (format === 'uuid') return fc.oneof(known(ids, fc.uuid()), fc.uuid());
  if (format === 'date-time')
    return fc
      .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  if (pattern !== undefined) {
    const fitting = [...names, ...ids].filter((name) => new RegExp(pattern, 'u').test(name));
    return fc.oneof(known(fitting, fc.stringMatching(new RegExp(pattern))), fc.stringMatching(new RegExp(pattern)));
  }
  const length = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, MOST_CHARACTERS)) };
  return fc.oneof(
    known(
      [...names, ...ids].filter((name) => name.length >= minLength && name.length <= maxLength),
      fc.string(length),
    ),
    fc.string(length),
    fc.string({ ...length, unit: 'grapheme' }),
  );
}

function known(names: readonly string[], otherwise: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return names.length === 0 ? otherwise : fc.constantFrom(...names);
}

function rangeOf(schema: Schema): { min: number; max: number } {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema as Readonly<
    Record<string, number | undefined>
  >;
  const min = minimum ?? (exclusiveMinimum === undefined ? -1_000 : exclusiveMinimum + 1);
  const max = maximum ?? (exclusiveMaximum === undefined ? Math.max(min, 0) + 1_000_000 : exclusiveMaximum - 1);
  return { min, max: Math.min(max, 2_147_483_647) };
}

function objects(schema: Schema, below: (schema: Schema) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const {
    properties = {},
    required = [],
    additionalProperties,
  } = schema as Readonly<{
    properties?: Readonly<Record<string, Schema>>;
    required?: string[];
    additionalProperties?: Schema | boolean;
  }>;
  if (Object.keys(properties).length === 0) {
    const values =
      typeof additionalProperties === 'object' ? below(additionalProperties) : fc.jsonValue({ maxDepth: 2 });
    return fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), values, { maxKeys: 3, noNullPrototype: true });
  }
  const models = Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, below(property)]));
  return fc.record(models, { requiredKeys: required, noNullPrototype: true });
}
