import { ReeveError } from '@reeve/kit';
import { makeNumber, makeText } from './leaf-values.ts';
import {
  cannot,
  ENDLESS,
  flatten,
  isSame,
  listOf,
  merge,
  MOST_DEPTH,
  openSchema,
  type JsonSchema,
  type SchemaRoot,
} from './schema.ts';
import { createCheck, type Check } from './violation.ts';

/**
 * What a text says of a property, by its path such as `["person", "age"]`: a value of this type, or one of the choices; undefined
 * where it says nothing of it.
 */
export type Hint = (
  path: readonly string[],
  type: 'string' | 'number' | 'boolean' | 'choice',
  choices?: readonly unknown[],
) => unknown;

/**
 * The smallest JSON value that fits a schema: required properties and those of which `hint` knows something, the fewest items, null
 * where it is allowed, and what `hint` knows where that fits. The value has been checked against the schema. Throws `invalid_request`
 * naming the first keyword that it can satisfy with nothing of this, or where a schema takes too much work.
 */
export function smallestInstance(schema: unknown, hint: Hint): unknown {
  const root = openSchema(schema);
  const check = createCheck(root);
  const value = createMaker(root, check, hint)(schema, []);
  const violation = check(schema, value, []);
  if (violation !== undefined) throw cannot(violation.keyword, violation.path);
  return value;
}

const MOST_ITEMS = 1_000;
type Make = (schema: unknown, path: readonly string[]) => unknown;

function createMaker(root: SchemaRoot, check: Check, hint: Hint): Make {
  let depth = 0;
  const make: Make = (given, path) => {
    depth += 1;
    try {
      if (depth > MOST_DEPTH) throw cannot(ENDLESS, path);
      return makeWhole(flatten(root, given, path), path);
    } finally {
      depth -= 1;
    }
  };
  const makeWhole = (schema: JsonSchema, path: readonly string[]): unknown => {
    const choices = 'const' in schema ? [schema['const']] : schema['enum'];
    if (Array.isArray(choices)) return fromChoices(schema, choices, path);
    const name = ['anyOf', 'oneOf'].find((one) => Array.isArray(schema[one]));
    return name === undefined ? makeTyped(schema, typeOf(schema), path) : makeOne(schema, name, path);
  };
  /** The choice that is named, else null, else the first that satisfies the other keywords too. */
  const fromChoices = (schema: JsonSchema, choices: readonly unknown[], path: readonly string[]): unknown => {
    const named = hint(path, 'choice', choices);
    const preferred = [named, null].filter((choice) => choices.some((one) => isSame(one, choice)));
    const ordered = [...preferred, ...choices];
    const found = ordered.findIndex((choice) => check(schema, choice, path) === undefined);
    if (found < 0) throw cannot(check(schema, ordered[0], path)?.keyword ?? 'enum', path);
    root.spend(path, JSON.stringify(ordered[found]).length / 100);
    return ordered[found];
  };
  const makeOne = (schema: JsonSchema, keyword: string, path: readonly string[]): unknown => {
    const { [keyword]: choices, ...base } = schema;
    const branches = listOf(choices).map((branch) => merge(base, flatten(root, branch, path)));
    // Null is the smallest where nothing is known.
    const isKnown = (['string', 'number'] as const).some((type) => hint(path, type) !== undefined);
    const ordered = isKnown ? branches : branches.toSorted((one, other) => nullFirst(one) - nullFirst(other));
    let fault = cannot(keyword, path);
    for (const branch of ordered) {
      try {
        const value = make(branch, path);
        const violation = check(schema, value, path);
        if (violation === undefined) return value;
        fault = cannot(violation.keyword, violation.path);
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
        return makeText(root, schema, hint(path, 'string'), path);
      case 'number':
      case 'integer':
        return makeNumber(schema, type === 'integer', hint(path, 'number'), path);
      case 'boolean':
        return hint(path, 'boolean') === true;
      case 'null':
        return null;
      default:
        throw cannot('type', path);
    }
  };
  const makeObject = (schema: JsonSchema, path: readonly string[]): unknown => {
    const properties = (schema['properties'] ?? {}) as JsonSchema;
    const others = schema['additionalProperties'];
    const required = new Set(listOf(schema['required']).map(String));
    const least = Number(schema['minProperties'] ?? 0);
    const most = Number(schema['maxProperties'] ?? Infinity);
    if (least > MOST_ITEMS) throw cannot('minProperties', path);
    const makeProperty = (name: string) =>
      make(Object.hasOwn(properties, name) ? properties[name] : others, [...path, name]);
    const made = new Map<string, unknown>();
    for (const name of new Set([...Object.keys(properties), ...required])) {
      if (required.has(name)) made.set(name, makeProperty(name));
      else if (isKnownLeaf(properties[name], [...path, name])) addWhereItFits(made, name, makeProperty);
    }
    for (const name of Object.keys(properties))
      if (made.size < least && !made.has(name)) addWhereItFits(made, name, makeProperty);
    for (let number = 1; made.size < least && others !== false; number += 1)
      if (!Object.hasOwn(properties, `property_${number}`))
        made.set(`property_${number}`, makeProperty(`property_${number}`));
    for (const name of made.keys()) if (made.size > most && !required.has(name)) made.delete(name);
    return Object.fromEntries(made);
  };
  const isKnownLeaf = (schema: unknown, path: readonly string[]): boolean => {
    if (typeof schema !== 'object' || schema === null) return false;
    const { type, enum: choices } = schema as JsonSchema;
    if (Array.isArray(choices)) return hint(path, 'choice', choices) !== undefined;
    if (type === 'string' || type === 'boolean') return hint(path, type) !== undefined;
    return (type === 'number' || type === 'integer') && hint(path, 'number') !== undefined;
  };
  const makeArray = (schema: JsonSchema, path: readonly string[]): unknown => {
    const first = listOf(schema['prefixItems']);
    const length = Number(schema['minItems'] ?? 0);
    if (length > MOST_ITEMS || length > Number(schema['maxItems'] ?? Infinity)) throw cannot('minItems', path);
    const items = Array.from({ length }, (_, index) =>
      make(index < first.length ? first[index] : schema['items'], [...path, String(index)]),
    );
    if (schema['uniqueItems'] !== true) return items;
    return apart(
      items,
      flatten(root, schema['items'], path),
      (other) => check(schema['items'], other, path) === undefined,
    );
  };
  return make;
}

/** Adds a property that may be left out, and leaves it out where no value for it is found. */
function addWhereItFits(made: Map<string, unknown>, name: string, makeProperty: (name: string) => unknown): void {
  try {
    made.set(name, makeProperty(name));
  } catch (error) {
    if (ReeveError.from(error).reason !== 'invalid_request') throw error;
  }
}

/** The items, each unlike the others: a number is raised, and a text grows. */
function apart(items: readonly unknown[], schema: JsonSchema, isGood: (item: unknown) => boolean): unknown[] {
  const seen = new Set<string>();
  return items.map((item, index) => {
    const step = Number(schema['multipleOf'] ?? 1);
    const others = [
      item,
      ...listOf(schema['enum']),
      ...(typeof item === 'number' ? [item + step * index, item - step * index] : []),
    ];
    if (typeof item === 'string') others.push(`${item}${index}`);
    if (item === null) others.push(index);
    // The check of the whole finds those that are alike.
    const found = others.find((other) => !seen.has(JSON.stringify(other)) && isGood(other)) ?? item;
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
