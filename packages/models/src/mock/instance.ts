import { ReeveError } from '@reeve/kit';
import { z } from 'zod';
import { fromChoices, makeNumber, makeText } from './leaf-values.ts';
import { cannot, flatten, merge, resolve, type JsonSchema } from './schema.ts';

/** What a text says of a property, by its path such as `["person", "age"]`; undefined where it says nothing of it. */
export type Hint = (path: readonly string[], type: 'string' | 'number') => string | number | undefined;

/**
 * The smallest JSON value that fits a schema: required properties and those of which `hint` knows something, the fewest items, null
 * where it is allowed, and what `hint` knows of a text or number where that fits. Throws `invalid_request` naming the first keyword
 * that it can satisfy with nothing of this.
 */
export function smallestInstance(schema: unknown, hint: Hint): unknown {
  return createMaker(schema, hint)(schema, []);
}

const MOST_DEPTH = 40;
const MOST_ITEMS = 1_000;
/** What these demand of a value is not looked at here, so that no value is claimed to fit. */
const UNREAD = [
  'not if contains patternProperties propertyNames dependentRequired dependentSchemas dependencies unevaluatedItems',
  'unevaluatedProperties $dynamicRef',
].flatMap((names) => names.split(' '));
type Make = (schema: unknown, path: readonly string[]) => unknown;

function createMaker(root: unknown, hint: Hint): Make {
  let depth = 0;
  const make: Make = (given, path) => {
    if (given === true || given === undefined) return null;
    if (given === false) throw cannot('false', path);
    depth += 1;
    try {
      if (depth > MOST_DEPTH) throw cannot('$ref (it never ends)', path);
      return makeWhole(flatten(resolve(root, given as JsonSchema, path), root, path), path);
    } finally {
      depth -= 1;
    }
  };
  const makeWhole = (schema: JsonSchema, path: readonly string[]): unknown => {
    const unread = UNREAD.find(
      (name) => name in schema && schema[name] !== false && (name === 'not' || !isEmpty(schema[name])),
    );
    if (unread !== undefined) throw cannot(unread, path);
    if ('const' in schema) return schema['const'];
    if (Array.isArray(schema['enum'])) return fromChoices(schema['enum'], hint(path, 'string'), path);
    const choices = (schema['anyOf'] ?? schema['oneOf']) as unknown[] | undefined;
    if (Array.isArray(choices)) return makeOne(schema, choices, path);
    return makeTyped(schema, typeOf(schema), path);
  };
  const makeOne = (schema: JsonSchema, choices: readonly unknown[], path: readonly string[]): unknown => {
    const { anyOf: _, oneOf, ...base } = schema;
    const branches = choices.map((branch) => merge(base, resolve(root, branch as JsonSchema, path)));
    // Null is the smallest where nothing is known.
    const isKnown = ['string', 'number'].some((type) => hint(path, type as 'string') !== undefined);
    const ordered = isKnown ? branches : branches.toSorted((one, other) => nullFirst(one) - nullFirst(other));
    let fault = cannot('anyOf', path);
    for (const branch of ordered) {
      try {
        const value = make(branch, path);
        const others = ordered.filter((other) => other !== branch);
        if (oneOf === undefined || others.every((other) => !fits(other, root, value))) return value;
        fault = cannot('oneOf', path);
      } catch (error) {
        fault = ReeveError.from(error);
      }
    }
    throw fault;
  };
  const makeTyped = (schema: JsonSchema, type: string, path: readonly string[]): unknown => {
    switch (type) {
      case 'object':
        return makeObject(schema, path);
      case 'array':
        return makeArray(schema, path);
      case 'string':
        return makeText(schema, hint(path, 'string'), path);
      case 'number':
      case 'integer':
        return makeNumber(schema, type === 'integer', hint(path, 'number'), path);
      case 'boolean':
        return false;
      case 'null':
        return null;
      default:
        throw cannot('type', path);
    }
  };
  const makeObject = (schema: JsonSchema, path: readonly string[]): unknown => {
    const properties = (schema['properties'] ?? {}) as Record<string, unknown>;
    const required = Array.isArray(schema['required']) ? (schema['required'] as string[]) : [];
    const least = Number(schema['minProperties'] ?? 0);
    const known = Object.keys(properties).filter(
      (name) => required.includes(name) || isKnownLeaf(properties[name], [...path, name]),
    );
    const names = [...new Set([...known, ...required])];
    for (const name of Object.keys(properties))
      if (names.length < least && !names.includes(name) && properties[name] !== false) names.push(name);
    for (let number = 1; names.length < least && schema['additionalProperties'] !== false; number += 1)
      if (!(`property_${number}` in properties)) names.push(`property_${number}`);
    if (names.length < least) throw cannot('minProperties', path);
    if (names.length > Number(schema['maxProperties'] ?? Infinity)) throw cannot('maxProperties', path);
    const others = schema['additionalProperties'];
    return Object.fromEntries(
      names.map((name) => [name, make(Object.hasOwn(properties, name) ? properties[name] : others, [...path, name])]),
    );
  };
  const isKnownLeaf = (schema: unknown, path: readonly string[]): boolean => {
    const type = typeof schema === 'object' && schema !== null ? (schema as JsonSchema)['type'] : undefined;
    if (type === 'string') return hint(path, 'string') !== undefined;
    return (type === 'number' || type === 'integer') && hint(path, 'number') !== undefined;
  };
  const makeArray = (schema: JsonSchema, path: readonly string[]): unknown => {
    const first = (schema['prefixItems'] ?? []) as unknown[];
    const length = Number(schema['minItems'] ?? 0);
    if (length > MOST_ITEMS || length > Number(schema['maxItems'] ?? Infinity)) throw cannot('minItems', path);
    const items = Array.from({ length }, (_, index) =>
      make(index < first.length ? first[index] : schema['items'], [...path, String(index)]),
    );
    return schema['uniqueItems'] === true ? apart(items, (schema['items'] ?? {}) as JsonSchema, path) : items;
  };
  return make;
}

/** The items, each unlike the others: a number is raised, and a text grows. */
function apart(items: readonly unknown[], schema: JsonSchema, path: readonly string[]): unknown[] {
  const seen = new Set<string>();
  return items.map((item, index) => {
    const choices = Array.isArray(schema['enum']) ? (schema['enum'] as unknown[]) : [];
    const step = Number(schema['multipleOf'] ?? 1);
    const others = [item, ...choices, ...(typeof item === 'number' ? [item + step * index, item - step * index] : [])];
    if (typeof item === 'string') others.push(`${item}${index}`);
    if (item === null && isEmpty(schema)) others.push(index);
    const found = others.find((other) => !seen.has(JSON.stringify(other)) && fits(schema, schema, other));
    if (found === undefined) throw cannot('uniqueItems', path);
    seen.add(JSON.stringify(found));
    return found;
  });
}

/** The type to make: null where it is allowed, since nothing is claimed by it. */
function typeOf(schema: JsonSchema): string {
  const { type } = schema;
  if (Array.isArray(type)) return type.includes('null') ? 'null' : String(type[0]);
  if (typeof type === 'string') return type;
  if ('properties' in schema || 'required' in schema || 'minProperties' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema || 'minItems' in schema) return 'array';
  if (['minLength', 'maxLength', 'pattern', 'format'].some((name) => name in schema)) return 'string';
  if (['minimum', 'maximum', 'multipleOf', 'exclusiveMinimum', 'exclusiveMaximum'].some((name) => name in schema))
    return 'number';
  return 'null';
}

function nullFirst(schema: JsonSchema): number {
  return schema['type'] === 'null' || schema['const'] === null ? 0 : 1;
}

/** Whether a value fits a schema whose references lead into the root; a schema that zod cannot read fits everything. */
function fits(schema: JsonSchema, root: unknown, value: unknown): boolean {
  const { $defs, definitions } = (root ?? {}) as JsonSchema;
  const whole = { ...schema, ...($defs !== undefined && { $defs }), ...(definitions !== undefined && { definitions }) };
  // A pattern of somebody else's may take for ever.
  const read = JSON.stringify(whole, (name, part: unknown) =>
    name === 'pattern' && typeof part === 'string' ? undefined : part,
  );
  try {
    return z.fromJSONSchema(JSON.parse(read) as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value).success;
  } catch {
    return true;
  }
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === true ||
    (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
  );
}
