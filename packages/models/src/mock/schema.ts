import { isRecord, ReeveError } from '@reeve/kit';

/** A JSON Schema as an object. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The schema of a caller, in which references are looked up, with the work that may still be spent on it. */
export interface SchemaRoot {
  readonly schema: unknown;
  /** Counts work, about one unit per value and per 100 characters. Throws `invalid_request` when all of it is spent. */
  readonly spend: (path: readonly string[], units?: number) => void;
}

/** Units of work for one answer, some hundred milliseconds at the most: a short schema may demand billions of values. */
const MOST_WORK = 20_000;
/** How deep schemas may lie in each other. */
export const MOST_DEPTH = 40;
/** What a refusal names instead of a keyword. */
export const ENDLESS = '$ref (it never ends)';
export const NO_OBJECT = 'a schema that is no object';

export function openSchema(schema: unknown): SchemaRoot {
  let left = MOST_WORK;
  return {
    schema,
    spend(path, units = 1) {
      left -= units;
      if (left < 0) throw cannot('the schema, which takes too much work,', path.slice(0, 10));
    },
  };
}

/** The schema as an object, without its `$ref` and `allOf`: what they demand is in it. */
export function flatten(root: SchemaRoot, given: unknown, path: readonly string[], depth = 0): JsonSchema {
  if (depth > MOST_DEPTH) throw cannot(ENDLESS, path);
  const { allOf, ...base } = resolve(root, given, path, 0);
  return listOf(allOf).reduce<JsonSchema>((whole, part) => merge(whole, flatten(root, part, path, depth + 1)), base);
}

/** Finds the schema that a `$ref` names. */
export function lookUp(root: SchemaRoot, reference: string, path: readonly string[]): unknown {
  const fault = () => cannot(`$ref ${reference.slice(0, 100)}`, path);
  if (!reference.startsWith('#')) throw fault();
  let found: unknown = root.schema;
  for (const part of reference.slice(1).split('/').filter(Boolean)) {
    const name = decode(part);
    if (typeof found !== 'object' || found === null || name === undefined || !Object.hasOwn(found, name)) throw fault();
    found = (found as JsonSchema)[name];
  }
  return found;
}

/** What both schemas demand, as far as one object says it; where it cannot, a check of the value made finds out. */
export function merge(one: JsonSchema, other: JsonSchema): JsonSchema {
  const merged: Record<string, unknown> = { ...one };
  for (const [name, value] of Object.entries(other))
    merged[name] = name in one ? mergeKeyword(name, one[name], value) : value;
  return merged;
}

/** `invalid_request`: no value that is tried satisfies this keyword there. */
export function cannot(keyword: string, path: readonly string[]): ReeveError {
  const where = path.length === 0 ? 'the top' : path.join('.').slice(0, 200);
  return new ReeveError(
    'invalid_request',
    `The built-in model makes no JSON for this schema: it cannot satisfy ${keyword} at ${where}. Set LLM_PROVIDER to a language model for it.`,
  );
}

function resolve(root: SchemaRoot, given: unknown, path: readonly string[], steps: number): JsonSchema {
  root.spend(path);
  const schema = asSchema(given, path);
  if (typeof schema['$ref'] !== 'string') return schema;
  const { $ref: reference, ...beside } = schema as { $ref: string };
  if (steps > MOST_DEPTH) throw cannot(ENDLESS, path);
  return merge(resolve(root, lookUp(root, reference, path), path, steps + 1), beside);
}

/** A schema as an object: `true` demands nothing, and `false` nothing that there is. */
function asSchema(given: unknown, path: readonly string[]): JsonSchema {
  if (given === true || given === undefined) return {};
  if (isRecord(given)) return given;
  throw cannot(given === false ? 'false' : NO_OBJECT, path);
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return undefined;
  }
}

const MOST_PAIRS = 1_000;
const LARGER = new Set(['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']);
const SMALLER = new Set(['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']);

function mergeKeyword(name: string, one: unknown, other: unknown): unknown {
  if (LARGER.has(name)) return Math.max(Number(one), Number(other));
  if (SMALLER.has(name)) return Math.min(Number(one), Number(other));
  if (name === 'properties') return mergeProperties(one as JsonSchema, other as JsonSchema);
  if (name === 'items' || name === 'additionalProperties') return { allOf: [one, other] };
  if (!Array.isArray(one) || !Array.isArray(other)) return name === 'type' ? mergeTypes(one, other) : other;
  if (name === 'required') return [...new Set([...(one as unknown[]), ...(other as unknown[])])];
  if (name === 'anyOf' && one.length * other.length <= MOST_PAIRS)
    return one.flatMap((a: unknown) => other.map((b: unknown) => ({ allOf: [a, b] })));
  if (name === 'enum') return one.filter((choice: unknown) => other.some((known: unknown) => isSame(choice, known)));
  return name === 'type' ? mergeTypes(one, other) : other;
}

function mergeTypes(one: unknown, other: unknown): unknown {
  const both = typesOf(one).filter(
    (type) => typesOf(other).includes(type) || (type === 'integer' && typesOf(other).includes('number')),
  );
  const whole = typesOf(one).includes('number') && typesOf(other).includes('integer') ? ['integer'] : [];
  const types = [...new Set([...both, ...whole])];
  return types.length === 1 ? types[0] : types;
}

function typesOf(type: unknown): readonly unknown[] {
  return Array.isArray(type) ? (type as unknown[]) : [type];
}

function mergeProperties(one: JsonSchema, other: JsonSchema): JsonSchema {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries(
    [...names].map((name) => {
      const [a, b] = [one[name], other[name]];
      return [name, a === undefined ? b : b === undefined ? a : { allOf: [a, b] }];
    }),
  );
}

/** Whether two JSON values are the same, their keys in the same order. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  return typeof one === 'object' && typeof other === 'object' && JSON.stringify(one) === JSON.stringify(other);
}

/** What a keyword lists, or nothing where it is no list. */
export function listOf(keyword: unknown): readonly unknown[] {
  return Array.isArray(keyword) ? (keyword as unknown[]) : [];
}
