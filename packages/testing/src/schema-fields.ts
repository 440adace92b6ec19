/** An OpenAPI document, as far as it is read here. */
export interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
}

type Schema = Readonly<Record<string, unknown>>;

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

/** Where a value is: names of fields and places in lists. */
export type Path = readonly (string | number)[];

/** A field of a body. */
export interface Field {
  readonly path: Path;
  readonly schema: Schema;
  /** The JSON types that it takes; undefined: any. */
  readonly types: ReadonlySet<string> | undefined;
  readonly required: boolean;
}

/** Every field of an operation's body, those of inner objects and the items of lists too. */
export function fieldsOf(document: OpenApi, { requestBody }: Operation): Field[] {
  const schema = requestBody?.content['application/json']?.schema;
  return schema === undefined ? [] : fieldsBelow(document, schema, []);
}

function fieldsBelow(document: OpenApi, schema: Schema, path: Path): Field[] {
  const { properties = {}, required = [] } = resolve(document, schema) as {
    properties?: Record<string, Schema>;
    required?: string[];
  };
  return Object.entries(properties).flatMap(([name, property]) =>
    fieldsAt(document, property, [...path, name], required.includes(name)),
  );
}

function fieldsAt(document: OpenApi, given: Schema, path: Path, required: boolean): Field[] {
  const schema = resolve(document, given);
  const own: Field = { path, schema, types: typesOf(document, schema), required };
  if (schema['properties'] !== undefined) return [own, ...fieldsBelow(document, schema, path)];
  if (typeof schema['items'] === 'object')
    return [own, ...fieldsAt(document, schema['items'] as Schema, [...path, 0], false)];
  return [own];
}

function typesOf(document: OpenApi, given: Schema): Set<string> | undefined {
  const schema = resolve(document, given);
  const choices = (schema['anyOf'] ?? schema['oneOf']) as Schema[] | undefined;
  if (choices !== undefined) return new Set(choices.flatMap((choice) => [...(typesOf(document, choice) ?? [])]));
  return typeof schema['type'] === 'string' ? new Set([schema['type']]) : undefined;
}

function resolve({ components }: OpenApi, schema: Schema): Schema {
  return typeof schema['$ref'] === 'string' ? components.schemas[schema['$ref'].split('/').at(-1)!]! : schema;
}

/** True for an object of any fields. */
export function isFree(schema: Schema): boolean {
  return schema['type'] === 'object' && schema['properties'] === undefined;
}

/** The JSON type of a value, `integer` where it is a whole number. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
