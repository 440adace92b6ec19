import { ErrorBody, type Route } from '@reeve/contract';
import { z } from 'zod';
import { accessText, refusalsOf, SECURITY, SECURITY_SCHEMES } from './openapi-security.ts';

type Json = Record<string, unknown>;

/** The OpenAPI 3.1 document of the routes; schemas with an id become components. */
export function openApiOf(
  routes: readonly Route[],
  info: { title: string; version: string; description: string },
): Json {
  const schemas: Json = {};
  const error = schemaOf(ErrorBody, 'output', schemas);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const operations = (paths[route.path] ??= {});
    operations[route.method.toLowerCase()] = operationOf(route, schemas, error);
  }
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    security: SECURITY,
    paths,
    components: {
      schemas,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function operationOf(route: Route, schemas: Json, error: Json): Json {
  const responses: Json = {};
  for (const [status, schema] of Object.entries(route.responses)) {
    const content: Json = {};
    if (schema !== null)
      content[route.produces?.split(';')[0] ?? 'application/json'] = { schema: schemaOf(schema, 'output', schemas) };
    if (route.events !== undefined)
      content['text/event-stream'] = {
        schema: schemaOf(route.events, 'output', schemas),
        'x-stream': 'each event’s data',
      };
    if (route.frames !== undefined)
      content['application/json'] = {
        schema: schemaOf(route.frames, 'output', schemas),
        'x-stream': 'each frame that the server sends',
      };
    responses[status] = {
      description: descriptionOf(route, schema),
      ...(Object.keys(content).length > 0 && { content }),
    };
  }
  const { failures } = route;
  const shape = failures === undefined ? error : schemaOf(failures.schema, 'output', schemas);
  const content = { [failures?.produces?.split(';')[0] ?? 'application/json']: { schema: shape } };
  Object.assign(responses, refusalsOf(route.access, content));
  responses['default'] = { description: 'Any failure.', content };
  return {
    operationId: `${route.method.toLowerCase()}${route.path.replace(/\{(\w+)\}/g, 'by_$1').replace(/\W+/g, '_')}`,
    tags: [route.tag],
    summary: route.summary,
    description: [route.description, accessText(route.access)].filter((text) => text !== undefined).join('\n\n'),
    ...(route.access === 'public' ? { security: [] } : { security: SECURITY, 'x-reeve-role': route.access }),
    parameters: parametersOf(route, schemas),
    ...(route.body !== undefined && {
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: schemaOf(route.body, 'input', schemas) },
          ...(route.takesFile !== undefined && { 'multipart/form-data': { schema: FORM } }),
        },
      },
    }),
    ...(route.uploads !== undefined && {
      requestBody: {
        required: true,
        description: `At most ${route.uploads.maxBytes} bytes.`,
        content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
      },
    }),
    responses,
  };
}

/** A form with a file; its other fields are those of the JSON body. */
const FORM = {
  type: 'object',
  required: ['file'],
  properties: { file: { type: 'string', format: 'binary' } },
  additionalProperties: { type: 'string' },
};

function descriptionOf({ frames, events }: Route, schema: z.ZodType | null): string {
  if (frames !== undefined)
    return 'The connection is a WebSocket. A page gives its key as the subprotocol `reeve.key.<key>` beside `reeve`.';
  return schema === null && events === undefined ? 'Done; no body.' : 'Success.';
}

function parametersOf(route: Route, schemas: Json): Json[] {
  const parameters: Json[] = [];
  for (const [schema, where] of [
    [route.params, 'path'],
    [route.query, 'query'],
  ] as const) {
    if (schema === undefined) continue;
    const { properties = {}, required = [] } = schemaOf(schema, 'input', schemas) as {
      properties?: Record<string, Json>;
      required?: string[];
    };
    for (const [name, property] of Object.entries(properties)) {
      parameters.push({ name, in: where, required: where === 'path' || required.includes(name), schema: property });
    }
  }
  if (route.creates) {
    parameters.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    });
  }
  return parameters;
}

/** A schema's JSON Schema, with shared definitions moved to the document's components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const {
    $schema: _,
    $defs,
    ...made
  } = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }) as Json & {
    $defs?: Record<string, Json>;
  };
  const names = new Map<string, string>();
  for (const [name, definition] of Object.entries($defs ?? {})) names.set(name, place(name, io, definition, schemas));
  const id = schema.meta()?.id;
  const whole = rename(made, names);
  if (id === undefined || '$ref' in whole) return whole;
  return { $ref: `#/components/schemas/${place(id, io, whole, schemas)}` };
}

/** One id can read differently as input and as output; the second form gets a name of its own. */
function place(name: string, io: string, definition: Json, schemas: Json): string {
  const { $defs: _, id: __, ...own } = rename(definition, new Map());
  const free = schemas[name] === undefined || JSON.stringify(schemas[name]) === JSON.stringify(own);
  const final = free ? name : `${name}${io === 'input' ? 'Input' : 'Output'}`;
  schemas[final] = own;
  return final;
}

function rename(value: Json, names: ReadonlyMap<string, string>): Json {
  return JSON.parse(JSON.stringify(value), (key: string, item: unknown) => {
    if (key !== '$ref' || typeof item !== 'string' || !item.startsWith('#/$defs/')) return item;
    const name = item.slice('#/$defs/'.length);
    return `#/components/schemas/${names.get(name) ?? name}`;
  }) as Json;
}
