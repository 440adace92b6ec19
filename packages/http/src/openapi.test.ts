import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineRoute, routes, type Route } from '@reeve/contract';
import { z } from 'zod';
import { openApiOf } from './openapi.ts';
import { referencePage } from './reference.ts';

type Json = Record<string, unknown>;
interface Operation {
  operationId: string;
  description: string;
  security: Record<string, string[]>[];
  'x-reeve-role'?: string;
  parameters: { name: string; in: string; required: boolean; schema: Json }[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
}

const info = { title: 'Reeve', version: '1.2.3', description: 'Agents.' };
const all: readonly Route[] = Object.values(routes);
const document = openApiOf(all, info);
const paths = document['paths'] as Record<string, Record<string, Operation>>;
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

describe('the OpenAPI document', () => {
  it('has every route of the contract, and none twice', () => {
    assert.equal(document['openapi'], '3.1.0');
    const expected = all.map(({ method, path }) => `${method.toLowerCase()} ${path}`).sort();
    assert.deepEqual(operations.map(({ method, path }) => `${method} ${path}`).sort(), expected);
    assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length);
  });

  it('has every schema that it refers to', () => {
    const { schemas } = document['components'] as { schemas: Json };
    let refs = 0;
    visit(document, (value) => {
      if (typeof value['$ref'] !== 'string') return;
      refs += 1;
      const [, name] = /^#\/components\/schemas\/([A-Za-z0-9]+)$/.exec(value['$ref']) ?? [];
      assert.ok(name !== undefined && name in schemas, value['$ref']);
    });
    assert.ok(refs > 20, `${refs} references`);
    visit(document, (value) => assert.ok(!('$defs' in value) && !('$schema' in value)));
  });

  it('declares every parameter of a path, as required, and no other', () => {
    for (const { path, operation } of operations) {
      const inPath = operation.parameters.filter(({ in: where }) => where === 'path');
      assert.deepEqual(
        inPath.map(({ name }) => name).sort(),
        [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort(),
        path,
      );
      for (const parameter of operation.parameters)
        assert.ok(typeof parameter.schema === 'object' && (parameter.in !== 'path' || parameter.required));
      assert.equal(
        new Set(operation.parameters.map(({ name, in: where }) => `${where} ${name}`)).size,
        operation.parameters.length,
      );
    }
  });

  it('describes every success of a route and any failure, and the body of what takes one', () => {
    for (const route of all) {
      const operation = paths[route.path]![route.method.toLowerCase()]!;
      const refusals = route.access === 'public' ? [] : ['401', '403'];
      assert.deepEqual(Object.keys(operation.responses), [...Object.keys(route.responses), ...refusals, 'default']);
      for (const status of refusals)
        assert.deepEqual(operation.responses[status]?.content, operation.responses['default']?.content);
      const failure = operation.responses['default']?.content;
      if (route.failures !== undefined) assert.ok(Object.values(failure ?? {})[0]?.schema, route.path);
      else assert.deepEqual(failure?.['application/json']?.schema, { $ref: '#/components/schemas/Error' });
      assert.equal(operation.requestBody !== undefined, (route.body ?? route.uploads) !== undefined, route.path);
      if (route.frames !== undefined) {
        const { description, content } = operation.responses['101']!;
        assert.match(description, /WebSocket/);
        assert.ok(content?.['application/json']?.schema, route.path);
      }
      if (route.events !== undefined) assert.ok(operation.responses['200']?.content?.['text/event-stream'], route.path);
      assert.equal(
        operation.parameters.some(({ name }) => name === 'Idempotency-Key'),
        route.creates === true,
      );
    }
  });

  it('says of every route which credentials it takes and which role it needs', () => {
    const { securitySchemes } = document['components'] as { securitySchemes: Json };
    for (const route of all) {
      const { security, description, 'x-reeve-role': role } = paths[route.path]![route.method.toLowerCase()]!;
      if (route.access === 'public') {
        assert.deepEqual([security, role], [[], undefined], route.path);
        assert.match(description, /Public: needs no credential\.$/);
        continue;
      }
      assert.equal(role, route.access);
      assert.match(description, new RegExp(`Needs the role \`${route.access}\``));
      const used = security.flatMap((each) => Object.keys(each));
      assert.deepEqual(used, Object.keys(securitySchemes));
      assert.ok(used.includes('bearer') && used.includes('apiKey') && used.includes('internalService'));
    }
    assert.match(paths['/api/v1/keys']!['post']!.description, /Needs the role `admin`\.$/);
    assert.match(paths['/api/v1/budgets']!['put']!.description, /`operator`, or one that includes it: `admin`\.$/);
  });

  it('is the same text each time it is made', () => {
    assert.equal(JSON.stringify(openApiOf(all, info)), JSON.stringify(document));
  });

  it('keeps what a schema reads apart from what it gives', () => {
    const Shared = z.object({ size: z.number().default(1) }).meta({ id: 'Shared' });
    const route = defineRoute({
      method: 'POST',
      path: '/x',
      tag: 'X',
      summary: 'x',
      access: 'viewer',
      body: Shared,
      responses: { 200: Shared },
    });
    const made = openApiOf([route], info) as unknown as {
      paths: Record<string, Record<string, Operation>>;
      components: { schemas: Record<string, { required?: string[] }> };
    };
    const operation = made.paths['/x']!['post']!;
    const nameOf = (schema: Json) => String(schema['$ref']).split('/').at(-1)!;
    assert.equal(
      made.components.schemas[nameOf(operation.requestBody!.content['application/json']!.schema)]?.required,
      undefined,
    );
    assert.deepEqual(
      made.components.schemas[nameOf(operation.responses['200']!.content!['application/json']!.schema)]?.required,
      ['size'],
    );
  });
});

describe('the reference page', () => {
  it('shows every route, without any script', () => {
    const page = referencePage(document);
    for (const { path } of all) assert.ok(page.includes(`<code>${path}</code>`), path);
    assert.doesNotMatch(page, /<script|javascript:|undefined/i);
    for (const [, anchor] of page.matchAll(/href="#([^"]+)"/g)) assert.ok(page.includes(`id="${anchor}"`), anchor);
  });

  it('shows hostile text as text', () => {
    const evil = `"'><script>alert(1)</script>&amp;`;
    const route = defineRoute({
      method: 'POST',
      path: `/${evil}/{id}`,
      tag: evil,
      summary: evil,
      description: evil,
      access: 'viewer',
      params: z.object({ id: z.enum([evil]).describe(evil) }),
      query: z.object({ [evil]: z.string().default(evil) }),
      body: z.object({ [evil]: z.string().describe(evil) }),
      responses: { 200: z.object({ a: z.literal(evil) }) },
      produces: evil,
    });
    const page = referencePage(openApiOf([route], { title: evil, version: evil, description: evil }));
    assert.doesNotMatch(page, /<script|"'>|&amp;/);
    assert.ok(page.includes('&#60;script&#62;alert(1)'));
  });
});

function visit(value: unknown, see: (value: Json) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) see(value as Json);
  for (const inner of Object.values(value)) visit(inner, see);
}
