import { readPattern, VALUE_KEYWORDS, satisfies } from './value-keywords.ts';
import { cannot, ENDLESS, NO_OBJECT, listOf, lookUp, MOST_DEPTH, type JsonSchema, type SchemaRoot } from './schema.ts';

/** A keyword that a value does not satisfy, and where in the value. */
export interface Violation {
  readonly keyword: string;
  readonly path: readonly string[];
}

/** Finds the first keyword of a schema that a value violates, at a path. */
export type Check = (schema: unknown, value: unknown, path: readonly string[]) => Violation | undefined;

/**
 * Finds the first keyword of a schema that a value violates; undefined where it satisfies them all. It knows the keywords of JSON
 * Schema 2020-12 except those that it throws `invalid_request` for. A format that it knows is satisfied by the text made for it only.
 */
export function createCheck(root: SchemaRoot): Check {
  let depth = 0;
  const check: Check = (given, value, path) => {
    root.spend(path);
    depth += 1;
    try {
      // Each level of a value may have several of a schema.
      if (depth > MOST_DEPTH * 4) throw cannot(ENDLESS, path);
      return checkSchema(given, value, path);
    } finally {
      depth -= 1;
    }
  };
  const checkSchema: Check = (given, value, path) => {
    if (given === true || given === undefined) return undefined;
    if (given === false) return { keyword: 'false', path };
    if (typeof given !== 'object' || given === null) throw cannot(NO_OBJECT, path);
    const schema = given as JsonSchema;
    const unread = UNREAD.find((name) => name in schema && schema[name] !== true);
    if (unread !== undefined) throw cannot(unread, path);
    const keyword = VALUE_KEYWORDS.find((name) => name in schema && !satisfies(root, name, schema, value, path));
    if (keyword !== undefined) return { keyword, path };
    return checkWhole(schema, value, path) ?? checkParts(schema, value, path);
  };

  /** The keywords that apply other schemas to the value itself. */
  const checkWhole: Check = (given, value, path) => {
    const schema = given as JsonSchema;
    const isGood = (other: unknown) => check(other, value, path) === undefined;
    if (typeof schema['$ref'] === 'string') {
      const found = check(lookUp(root, schema['$ref'], path), value, path);
      if (found !== undefined) return found;
    }
    for (const part of listOf(schema['allOf'])) {
      const found = check(part, value, path);
      if (found !== undefined) return found;
    }
    if ('anyOf' in schema && !listOf(schema['anyOf']).some(isGood)) return { keyword: 'anyOf', path };
    if ('oneOf' in schema && listOf(schema['oneOf']).filter(isGood).length !== 1) return { keyword: 'oneOf', path };
    if ('not' in schema && isGood(schema['not'])) return { keyword: 'not', path };
    if (!('if' in schema)) return undefined;
    return check(schema[isGood(schema['if']) ? 'then' : 'else'], value, path);
  };

  /** The keywords about items and properties. */
  const checkParts: Check = (given, value, path) => {
    const schema = given as JsonSchema;
    if (Array.isArray(value)) return checkItems(schema, value as unknown[], path);
    if (typeof value === 'object' && value !== null) return checkProperties(schema, value as JsonSchema, path);
    return undefined;
  };
  const checkItems = (
    schema: JsonSchema,
    items: readonly unknown[],
    path: readonly string[],
  ): Violation | undefined => {
    const first = listOf(schema['prefixItems']);
    for (const [index, item] of items.entries()) {
      const found = check(index < first.length ? first[index] : schema['items'], item, [...path, String(index)]);
      if (found !== undefined) return found;
    }
    if (!('contains' in schema)) return undefined;
    const matching = items.filter((item) => check(schema['contains'], item, path) === undefined).length;
    const { minContains = 1, maxContains = Infinity } = schema;
    const isGood = matching >= Number(minContains) && matching <= Number(maxContains);
    return isGood ? undefined : { keyword: 'contains', path };
  };
  const checkProperties = (schema: JsonSchema, value: JsonSchema, path: readonly string[]): Violation | undefined => {
    const properties = objectOf(schema['properties']);
    const patterns = Object.entries(objectOf(schema['patternProperties']));
    for (const [name, property] of Object.entries(value)) {
      const inside = [...path, name];
      const applied = patterns
        .filter(([pattern]) => readPattern(root, pattern, 'patternProperties', path)(name))
        .map(([, of]) => of);
      if (Object.hasOwn(properties, name)) applied.push(properties[name]);
      for (const other of applied.length === 0 ? [schema['additionalProperties']] : applied) {
        const found = check(other, property, inside);
        if (found !== undefined) return found.keyword === 'false' ? { keyword: 'additionalProperties', path } : found;
      }
      if (check(schema['propertyNames'], name, inside) !== undefined) return { keyword: 'propertyNames', path };
    }
    for (const [name, needed] of Object.entries(objectOf(schema['dependentRequired'])))
      if (Object.hasOwn(value, name) && listOf(needed).some((other) => !Object.hasOwn(value, other as string)))
        return { keyword: 'dependentRequired', path };
    for (const [name, other] of Object.entries(objectOf(schema['dependentSchemas']))) {
      const found = Object.hasOwn(value, name) ? check(other, value, path) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return check;
}

/** What these demand of a value is not looked at here, so that no value is claimed to satisfy them. */
const UNREAD = ['dependencies', 'unevaluatedItems', 'unevaluatedProperties', '$dynamicRef'];

function objectOf(value: unknown): JsonSchema {
  return typeof value === 'object' && value !== null ? (value as JsonSchema) : {};
}
