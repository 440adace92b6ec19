import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ErrorBody, routes, type Route } from '@reeve/contract';
import { newId } from '@reeve/kit';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import type { z } from 'zod';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { nearValuesOf, valuesOf } from '@reeve/testing/schema-arbitrary';
import type { OpenApi } from '@reeve/testing/schema-fields';

/*
 * Requests made up from /openapi.json, for every route: right ones, of which many name what is there, and nearly right ones. Whatever
 * is asked, there is no 5xx but those that the request itself asks for, every failure has the contract's shape, and every answer is
 * what the route promises.
 */
const STREAM_MS = 300;
/** An answer that takes longer than this is a failure. */
const PATIENCE_MS = 30_000;
/** 503 where a door is busy, 504 where its own time was up. */
const OWN = new Set([503, 504]);

/** Ids that requests are made of at most. */
const KNOWN = 25;
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;

const table: Readonly<Record<string, Route>> = { ...routes };

/** Where what a route made is found, if not below the route's own path. */
const FOUND_BELOW: Readonly<Record<string, string>> = {
  remember: '/api/v1/memory',
  storePlaybook: '/api/v1/playbooks',
  createSchedule: '/api/autonomy/schedules',
};

type Parameter = { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: Schema };
type Schema = Readonly<Record<string, unknown>>;
type Made = { params: Record<string, string>; query: Record<string, string>; body: unknown };

describe('any request', { timeout: 420_000 }, () => {
  let reeve: Reeve;
  let document: OpenApi;
  /** Routes that did what they were asked at least once. */
  const answered = new Set<string>();
  const made: string[] = [];
  /** Ids by the path of the route that made them. */
  const planted: Record<string, string[]> = {};
  const pool = { ids: [] as string[], names: ['assistant', 'mock', 'query', 'default'] };

  before(async () => {
    reeve = await startReeve({ REEVE_RATE_LIMIT: 'off', REEVE_ALLOW_PRIVATE_URLS: '127.0.0.1' });
    document = (await (await reeve.fetch(new Request('http://127.0.0.1/openapi.json'))).json()) as OpenApi;
    await makeSome();
  });
  after(() => reeve[Symbol.asyncDispose]());

  // What makes things comes first, so that there are some.
  const all = Object.entries(table).sort(([, one], [, other]) => rank(one) - rank(other));
  for (const [name, route] of all) {
    // A WebSocket is asked for in another way.
    if (route.frames !== undefined) continue;
    it(`is answered as the contract says: ${name}, ${route.method} ${route.path}`, async () => {
      for (const values of [valuesOf, nearValuesOf]) {
        const asked = requestsOf(name, values);
        await fc.assert(
          fc.asyncProperty(asked, (made) => check(name, route, made)),
          { ...cases(250, 25), endOnFailure: true },
        );
      }
    });
  }

  it('is often enough one that can be done', (context) => {
    const never = all.filter(
      ([name, { frames, events }]) => frames === undefined && events === undefined && !answered.has(name),
    );
    context.diagnostic(`${answered.size} done, never done: ${never.map(([name]) => name).join(', ')}`);
    assert.ok(
      answered.size >= never.length * 2,
      `${answered.size} routes did something, these never: ${never.map(([name]) => name).join(', ')}`,
    );
  });

  /** One of each, so that requests have something to name. */
  async function makeSome(): Promise<void> {
    const task = { agent_id: 'assistant', task_type: 'query', title: 'x', run_at: '2099-01-01T00:00:00Z' };
    const bodies: Readonly<Record<string, object>> = {
      createAgent: { name: 'mine' },
      createTask: task,
      createWorkflow: { title: 'x', tasks: [{ key: 'a', ...task }] },
      createSchedule: { agent_id: 'assistant', task_type: 'query', title: 'x', cron: '0 8 * * *' },
      query: { message: 'hello' },
      remember: { text: 'something' },
      createPersona: { name: 'x' },
      storePlaybook: { session_id: newId(), prompt: 'x', history_sequence: [{ tool: 'calculator' }] },
      createKey: { name: 'x', role: 'viewer' },
      // Nothing listens there.
      createMcpServer: { name: 'x', url: 'http://127.0.0.1:1/mcp' },
    };
    for (const [name, body] of Object.entries(bodies)) {
      const { path, method } = table[name]!;
      const headers = { 'content-type': 'application/json' };
      const request = new Request(`http://127.0.0.1${path}`, { method, headers, body: JSON.stringify(body) });
      const response = await reeve.fetch(request);
      const text = await response.text();
      assert.ok(response.ok, text);
      made.push(...new Set(text.match(ID)));
      const { id, run_id, session_id } = JSON.parse(text) as Record<string, string | undefined>;
      for (const [where, of] of Object.entries({
        [FOUND_BELOW[name] ?? path]: id ?? text.match(ID)![0],
        '/api/v1/runs': run_id,
        '/api/v1/sessions': session_id,
      }))
        if (of !== undefined) planted[where] = [...(planted[where] ?? []), of];
    }
    pool.ids.push(...made);
  }

  function requestsOf(name: string, values: typeof valuesOf): fc.Arbitrary<Made> {
    const route = table[name]!;
    const operation = document.paths[route.path]![route.method.toLowerCase()]!;
    const parameters = operation.parameters as readonly Parameter[];
    const of = (where: string) => {
      const here = parameters.filter((parameter) => parameter.in === where);
      const requiredKeys = here
        .filter(({ required }) => where === 'path' || required)
        .map((parameter) => parameter.name);
      // What is not text is written as text.
      const model = Object.fromEntries(
        here.map((parameter) => [
          parameter.name,
          // An empty part of a path, or a dot, makes another path of it.
          fc.oneof(
            ...thoseBelow(route.path, where),
            values(document, parameter.schema, pool)
              .map(textOf)
              .filter((text) => where !== 'path' || !['', '.', '..'].includes(text)),
          ),
        ]),
      );
      return fc.record(model, { requiredKeys, noNullPrototype: true }) as fc.Arbitrary<Record<string, string>>;
    };
    const schema = operation.requestBody?.content['application/json']?.schema;
    const body = schema === undefined ? fc.constant(undefined) : values(document, schema, pool).map(hurried);
    return fc.record({ params: of('path'), query: of('query'), body }, { noNullPrototype: true });
  }

  /** What a path is likely to be about: what was made one level above it. */
  function thoseBelow(path: string, where: string): fc.Arbitrary<string>[] {
    const [above] = path.split('/{');
    const ids = where === 'path' ? planted[above!] : undefined;
    return ids === undefined ? [] : [fc.constantFrom(...ids)];
  }

  async function check(name: string, route: Route, { params, query, body }: Made): Promise<void> {
    const path = route.path.replace(/\{(\w+)\}/g, (_, key: string) =>
      encodeURIComponent(params[key] ?? '').replaceAll('.', '%2E'),
    );
    const url = new URL(path === '' ? '/' : path, 'http://127.0.0.1');
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const where = `${route.method} ${url.pathname}${url.search} ${JSON.stringify(body)?.slice(0, 2_000)}`;
    const given = new AbortController();
    const timer = setTimeout(() => given.abort(), PATIENCE_MS);
    const response = await reeve.fetch(
      new Request(url, {
        method: route.method,
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: given.signal,
      }),
    );
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
    const text = isStream ? await beginningOf(response) : await response.text();
    clearTimeout(timer);
    assert.ok(!given.signal.aborted, `no answer to ${where}`);
    const told = `${where}\nwas answered: ${response.status} ${text.slice(0, 1_000)}`;
    assert.ok(response.status < 500 || OWN.has(response.status), told);
    if (isStream) return;
    if (response.status >= 400) return requireError(route, response, text, told);
    const schema = route.responses[response.status];
    assert.ok(schema !== undefined, told);
    answered.add(name);
    if (schema === null || response.status === 204) return assert.equal(text, '', told);
    if (route.produces !== undefined) return;
    requireFit(schema, JSON.parse(text), told);
    for (const id of text.match(ID) ?? []) if (!pool.ids.includes(id)) pool.ids.push(id);
    if (pool.ids.length > KNOWN) pool.ids.splice(made.length, pool.ids.length - KNOWN);
  }
});

/** Routes that make things first, those that delete them last. */
function rank({ creates, method }: Route): number {
  if (creates === true) return 0;
  return method === 'DELETE' ? 2 : 1;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : String(JSON.stringify(value));
}

/** The same request, but that it does not wait for long. */
function hurried(body: unknown): unknown {
  const waits =
    typeof body === 'object' && body !== null && 'timeout_ms' in body && typeof body.timeout_ms === 'number';
  return waits ? { ...body, timeout_ms: Math.min(body.timeout_ms as number, 200) } : body;
}

/** What a stream says at first; then its reader leaves. */
async function beginningOf(response: Response): Promise<string> {
  const reader = response.body!.getReader();
  const timer = setTimeout(() => void reader.cancel(), STREAM_MS);
  let text = '';
  for (let part = await reader.read(); !part.done; part = await reader.read())
    text += Buffer.from(part.value).toString();
  clearTimeout(timer);
  return text;
}

function requireError({ failures }: Route, response: Response, text: string, told: string): void {
  if (failures?.produces !== undefined && failures.produces !== 'application/json') return;
  const schema = failures?.schema ?? ErrorBody;
  requireFit(schema, JSON.parse(text), told);
  assert.doesNotMatch(text, /node_modules|\.ts:|syntax error|violates|relation \\?"/, told);
  assert.ok(response.headers.get('x-request-id'), told);
}

function requireFit(schema: z.ZodType, value: unknown, told: string): void {
  const { success, error } = schema.safeParse(value);
  assert.ok(success, `${told}\nwhich does not fit: ${error?.message}`);
}
