import { ReeveError } from '@reeve/kit';

/** A JSON Schema as an object. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const MOST_STEPS = 40;

/** Follows `$ref` below the root, with what stands beside it. */
export function resolve(root: unknown, schema: JsonSchema, path: readonly string[]): JsonSchema {
  let at = schema;
  for (let steps = 0; typeof at === 'object' && at !== null && typeof at['$ref'] === 'string'; steps += 1) {
    const { $ref: reference, ...beside } = at as { $ref: string };
    if (!reference.startsWith('#') || steps > MOST_STEPS) throw cannot(`$ref ${reference.slice(0, 100)}`, path);
    let found: unknown = root;
    for (const part of reference.slice(1).split('/').filter(Boolean))
      found = (found as Record<string, unknown> | undefined)?.[
        decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
      ];
    if (typeof found !== 'object' || found === null) throw cannot(`$ref ${reference.slice(0, 100)}`, path);
    at = merge(found as JsonSchema, beside);
  }
  return at;
}

/** The schema with the parts of its `allOf` in it. */
export function flatten(schema: JsonSchema, root: unknown, path: readonly string[]): JsonSchema {
  const { allOf, ...base } = schema;
  if (!Array.isArray(allOf)) return schema;
  return (allOf as JsonSchema[]).reduce((whole, part) => {
    const read = flatten(resolve(root, part, path), root, path);
    for (const name of ['anyOf', 'oneOf', 'enum', 'pattern', 'format', 'items', 'prefixItems'])
      if (name in whole && name in read) throw cannot('allOf', path);
    return merge(whole, read);
  }, base as JsonSchema);
}

const LARGER = new Set(['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']);
const SMALLER = new Set(['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']);

/** What both schemas demand, as far as one object says it. */
export function merge(one: JsonSchema, other: JsonSchema): JsonSchema {
  const merged: Record<string, unknown> = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const before = merged[name];
    if (before === undefined) merged[name] = value;
    else if (name === 'required') merged[name] = [...new Set([...(before as string[]), ...(value as string[])])];
    else if (name === 'properties') merged[name] = mergeProperties(before as JsonSchema, value as JsonSchema);
    else if (LARGER.has(name)) merged[name] = Math.max(Number(before), Number(value));
    else if (SMALLER.has(name)) merged[name] = Math.min(Number(before), Number(value));
    else merged[name] = value;
  }
  return merged;
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

/** `invalid_request`: no value that is tried satisfies this keyword there. */
export function cannot(keyword: string, path: readonly string[]): ReeveError {
  const where = path.length === 0 ? 'the top' : path.join('.').slice(0, 200);
  return new ReeveError(
    'invalid_request',
    `The built-in model makes no JSON for this schema: it cannot satisfy ${keyword} at ${where}. Set LLM_PROVIDER to a language model for it.`,
  );
}
