import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What is stored under one key of one tenant. */
export interface StoredThere {
  readonly value: { readonly id: string; readonly text: string; readonly [field: string]: unknown };
  readonly tags: readonly string[];
  readonly ttl_seconds?: number;
}

export interface ExternalRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Record<string, unknown>;
}

/**
 * Instead of what was asked for: a status, an answer, no answer at all, or (`lost`) what was asked for, with an answer that does not
 * arrive. `afterMs`: what was asked for, later.
 */
export type ExternalFault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly answer: string }
  | { readonly afterMs: number }
  | 'silent'
  | 'lost';

/** A memory backend on 127.0.0.1 that speaks the memory API of SomaBrain and stores what it is told, for tests. */
export interface TestExternalMemory extends AsyncDisposable {
  readonly url: string;
  readonly requests: ExternalRequest[];
  /** What it has, by the tenant's name there and the key. */
  readonly tenants: Map<string, Map<string, StoredThere>>;
  /** What it does instead. */
  fault: ((request: ExternalRequest) => ExternalFault | undefined) | undefined;
  /** Results that it puts before what it finds. */
  more: unknown[];
  /** It deletes by `/delete` only, as its older versions do. */
  isOld: boolean;
}

/** Of the words that mean the same the first stands for all: it finds by meaning, a little. */
const SAME = [
  ['car', 'vehicle', 'automobile'],
  ['doctor', 'physician'],
];

export async function startExternalMemory(): Promise<TestExternalMemory> {
  const test: Omit<TestExternalMemory, keyof AsyncDisposable> = {
    url: '',
    requests: [],
    tenants: new Map(),
    fault: undefined,
    more: [],
    isOld: false,
  };
  const server = createServer((request, response) => {
    void (async () => {
      const text = await read(request);
      const asked: ExternalRequest = {
        method: request.method!,
        path: request.url!,
        headers: request.headers,
        body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      };
      test.requests.push(asked);
      const fault = test.fault?.(asked);
      if (fault === 'silent') return;
      if (fault !== undefined && fault !== 'lost' && 'status' in fault)
        return response.writeHead(fault.status, fault.headers).end('{}');
      if (fault !== undefined && fault !== 'lost' && 'answer' in fault) return response.end(fault.answer);
      if (fault !== undefined && fault !== 'lost') await new Promise((done) => setTimeout(done, fault.afterMs));
      const answer = answerTo(test, asked);
      if (fault === 'lost') return response.destroy();
      response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' });
      return response.end(JSON.stringify(answer ?? { detail: 'Not Found' }));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(test, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

/** Undefined for a route that it does not have. */
function answerTo(test: Omit<TestExternalMemory, keyof AsyncDisposable>, { path, headers, body }: ExternalRequest) {
  const tenant = (body['tenant'] ?? headers['x-tenant-id']) as string;
  const stored = test.tenants.get(tenant) ?? new Map<string, StoredThere>();
  if (path === '/health') return { ok: true, components: {} };
  if (path === '/memory/remember') {
    const { key, value, tags, ttl_seconds } = body as unknown as StoredThere & { key: string };
    test.tenants.set(tenant, stored.set(key, { value, tags, ...(ttl_seconds !== undefined && { ttl_seconds }) }));
    const coordinate = coordinateOf(key);
    return { ok: true, tenant, namespace: body['namespace'], key, coordinate, coord: coordinate.join(',') };
  }
  if (path === '/memory/recall') {
    const { query, top_k: count } = body as { query: string; top_k: number };
    const found = [...stored].map(([key, { value, tags }]) => ({
      score: likeness(query, value.text),
      payload: { ...value, key, tags, tenant },
      coordinate: coordinateOf(key),
      layer: 'ltm',
    }));
    const results = [...test.more, ...found.sort((one, other) => other.score - one.score)].slice(0, count);
    return { tenant, namespace: body['namespace'], results, total_results: results.length, degraded: false };
  }
  if (path !== (test.isOld ? '/delete' : '/memory/forget')) return undefined;
  const coordinate = (body['coord'] ?? body['coordinate']) as number[];
  const key = [...stored.keys()].find((one) => coordinateOf(one).join() === coordinate.join());
  const ok = key !== undefined && stored.delete(key);
  return { ok, coord: coordinate.join(','), error: ok ? null : 'not found' };
}

/** The same for the same key, as there. */
function coordinateOf(key: string): number[] {
  const digest = createHash('sha256').update(key).digest();
  return [0, 4, 8].map((at) => digest.readInt32BE(at) / 2 ** 31);
}

/** The cosine of two texts' words, from 0 to 1. */
function likeness(one: string, other: string): number {
  const [a, b] = [wordsOf(one), wordsOf(other)];
  const shared = [...a].filter((word) => b.has(word)).length;
  return a.size === 0 || b.size === 0 ? 0 : shared / Math.sqrt(a.size * b.size);
}

function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().split(/\W+/).filter(Boolean);
  return new Set(words.map((word) => SAME.find((some) => some.includes(word))?.[0] ?? word));
}

async function read(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
}
