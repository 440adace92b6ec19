import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { FILES_BODY_BYTES, OpenAiError, type ResponseEvent } from '@reeve/contract';
import { newId } from '@reeve/kit';
import { createTestDatabase, testDatabaseKind } from '@reeve/testing/database';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startServer, type ServerProcess } from '@reeve/testing/server';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

const WORDS = Array.from({ length: 30 }, (_, index) => `word${index} `);
const ADMIN = { authorization: 'Bearer rv_administrator' };
const WIRES = ['/v1/chat/completions', '/v1/responses', '/api/chat'] as const;
const RIGHT = {
  '/v1/chat/completions': { model: 'agent/assistant', messages: [{ role: 'user', content: 'hello' }] },
  '/v1/responses': { model: 'agent/assistant', input: 'hello' },
  '/api/chat': { id: 'a chat', messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }] },
};

let upstream: FakeUpstream;
const environment = () => upstream.environment;
before(async () => void (upstream = await startFakeUpstream()));
beforeEach(() => upstream.reset());
after(() => upstream[Symbol.asyncDispose]());

async function post(url: string, path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  const all = { 'content-type': 'application/json', ...headers };
  return fetch(`${url}${path}`, { method: 'POST', headers: all, body: JSON.stringify(body) });
}

/** The events of a stream, and whether it said that it was at its end. */
async function eventsIn(response: Response): Promise<{ events: ResponseEvent[]; done: boolean }> {
  assert.equal(response.status, 200, response.ok ? '' : await response.clone().text());
  const lines = [...(await response.text()).matchAll(/^data: (.*)$/gm)].map((match) => match[1]!);
  const events = lines.filter((line) => line !== '[DONE]').map((line) => JSON.parse(line) as ResponseEvent);
  return { events, done: lines.at(-1) === '[DONE]' };
}

describe('a wire', { timeout: 300_000 }, () => {
  let reeve: Reeve;
  before(async () => {
    const trust = { REEVE_API_KEY: 'rv_administrator', REEVE_TRUST_USER_HEADER: 'true' };
    reeve = await startReeve({ ...environment(), ...trust });
  });
  after(() => reeve[Symbol.asyncDispose]());
  const ours = () => createClient({ baseUrl: reeve.url, apiKey: 'rv_administrator' });

  it('shows a run that another one started, by the same ids', async () => {
    upstream.script([{ text: ['done'] }]);
    const started = await post(reeve.url, '/v1/chat/completions', RIGHT['/v1/chat/completions'], ADMIN);
    const runId = started.headers.get('x-run-id')!;
    assert.ok(started.ok, await started.text());
    const read = await fetch(`${reeve.url}/v1/responses/resp_${runId.replaceAll('-', '')}`, { headers: ADMIN });
    const response = (await read.json()) as { status: string; output: { content: { text: string }[] }[] };
    assert.deepEqual([response.status, response.output[0]?.content[0]?.text], ['completed', 'done']);
    const events = [];
    for await (const { type } of ours().followRun(runId)) events.push(type);
    assert.equal(events.at(-1), 'session_end');
  });

  it('tells of every failure in its protocol’s own shape, with the ids of the request', async () => {
    for (const path of WIRES) {
      const told = async (response: Response, status: number) => {
        const text = await response.text();
        assert.equal(response.status, status, `${path}: ${text}`);
        assert.ok(response.headers.get('x-request-id'));
        if (path === '/api/chat') assert.doesNotMatch(text, /^\{/);
        else OpenAiError.strict().parse(JSON.parse(text));
      };
      await told(await post(reeve.url, path, RIGHT[path]), 401);
      await told(await post(reeve.url, path, RIGHT[path], { authorization: 'Bearer rv_wrong_one' }), 401);
      await told(await post(reeve.url, path, RIGHT[path], { ...ADMIN, 'content-type': 'text/plain' }), 415);
      await told(await post(reeve.url, path, { ...RIGHT[path], padding: 'x'.repeat(FILES_BODY_BYTES) }, ADMIN), 413);
      await told(await post(reeve.url, path, {}, ADMIN), 400);
      await told(await post(reeve.url, path, RIGHT[path], { ...ADMIN, 'idempotency-key': 'k'.repeat(256) }), 400);
    }
    assert.equal(upstream.requests.length, 0);
  });

  it('repeats its stream under one Idempotency-Key, without a second run', async () => {
    upstream.respond(() => ({ text: ['once'] }));
    for (const path of WIRES) {
      const key = { ...ADMIN, 'idempotency-key': newId() };
      const ask = () => post(reeve.url, path, { ...RIGHT[path], stream: true }, key);
      const first = await eventsIn(await ask());
      const second = await ask();
      assert.equal(second.headers.get('idempotent-replayed'), 'true');
      assert.equal(second.headers.get('x-vercel-ai-ui-message-stream'), path === '/api/chat' ? 'v1' : null);
      assert.deepEqual(await eventsIn(second), first, path);
      assert.equal(first.done, true);
    }
    assert.equal(upstream.requests.length, WIRES.length);
  });

  it('is open to members, who may not decide approvals over it', async () => {
    upstream.respond(() => ({ text: ['hi'] }));
    const member = { 'x-user-id': 'ada' };
    for (const path of WIRES) assert.equal((await post(reeve.url, path, RIGHT[path], member)).status, 200, path);
    const approval = { id: newId(), approved: true };
    const part = { type: 'dynamic-tool', state: 'approval-responded', approval };
    const body = { id: 'a chat', messages: [{ role: 'assistant', parts: [part] }] };
    const refused = await post(reeve.url, '/api/chat', body, member);
    assert.equal(refused.status, 403, await refused.text());
    assert.equal((await post(reeve.url, '/api/chat', body, ADMIN)).status, 404);
    assert.equal((await post(reeve.url, '/api/chat', { ...body, id: 'no such chat' }, ADMIN)).status, 404);
  });

  it('is in the OpenAPI document, with its role, its events and its errors', async () => {
    const { paths } = (await (await fetch(`${reeve.url}/openapi.json`)).json()) as {
      paths: Record<string, Record<string, { 'x-reeve-role': string; responses: Record<string, { content: object }> }>>;
    };
    for (const path of WIRES) {
      const { 'x-reeve-role': role, responses } = paths[path]!['post']!;
      assert.equal(role, 'member');
      assert.ok('text/event-stream' in responses['200']!.content);
      assert.ok((path === '/api/chat' ? 'text/plain' : 'application/json') in responses['default']!.content);
    }
    for (const path of ['/v1/models', '/v1/models/{id}', '/v1/responses/{id}', '/api/chat/{id}/stream'])
      assert.equal(paths[path]!['get']!['x-reeve-role'], 'viewer');
  });
});

describe('a response', { timeout: 300_000 }, () => {
  const begin = async (server: ServerProcess): Promise<string> => {
    const body = { ...RIGHT['/v1/responses'], background: true };
    return ((await (await post(server.url, '/v1/responses', body)).json()) as { id: string }).id;
  };
  const readFrom = (server: ServerProcess, id: string, after?: number) =>
    fetch(`${server.url}/v1/responses/${id}?stream=true${after === undefined ? '' : `&starting_after=${after}`}`);
  /** Reads until the first words, and goes away. */
  async function readSome(server: ServerProcess, id: string): Promise<ResponseEvent[]> {
    const gone = new AbortController();
    const response = await fetch(`${server.url}/v1/responses/${id}?stream=true`, { signal: gone.signal });
    let text = '';
    for await (const bytes of response.body!.pipeThrough(new TextDecoderStream())) {
      text += bytes;
      if (/output_text\.delta.*\n\n/.test(text)) break;
    }
    gone.abort();
    const whole = text.slice(0, text.lastIndexOf('\n\n'));
    return [...whole.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!) as ResponseEvent);
  }
  function assertWhole(events: readonly ResponseEvent[]): void {
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      events.map((_, index) => index),
    );
    assert.equal(
      events.flatMap((event) => (/text\.delta$/.test(event.type) ? event['delta'] : [])).join(''),
      WORDS.join(''),
    );
    assert.equal(events.at(-1)?.type, 'response.completed');
  }

  it('is read on where a reader left it, after its run has ended and the server was started anew', async () => {
    upstream.script([{ text: WORDS, pauseMs: 40 }]);
    await using place = await createTestDatabase();
    await using first = await startServer({ ...place, environment: environment() });
    const id = await begin(first);
    const seen = await readSome(first, id);
    const live = await eventsIn(await readFrom(first, id, seen.at(-1)!.sequence_number));
    assertWhole([...seen, ...live.events]);
    assert.equal(await first.end('SIGTERM'), 0);
    await using second = await startServer({ ...place, environment: environment() });
    const rest = await eventsIn(await readFrom(second, id, seen.at(-1)!.sequence_number));
    assert.deepEqual(rest, live);
    assert.equal(upstream.requests.length, 1);
  });

  if (testDatabaseKind === 'postgres') {
    it('is read on over another process while the run goes on in the first', async () => {
      upstream.script([{ text: WORDS, pauseMs: 60 }]);
      await using place = await createTestDatabase();
      await using elsewhere = await createTestDatabase();
      await using first = await startServer({ ...place, environment: environment() });
      const { dataDirectory } = elsewhere;
      await using second = await startServer({ url: place.url, dataDirectory, environment: environment() });
      const id = await begin(first);
      const seen = await readSome(first, id);
      const rest = await eventsIn(await readFrom(second, id, seen.at(-1)!.sequence_number));
      assertWhole([...seen, ...rest.events]);
      assert.equal(upstream.requests.length, 1);
    });
  }
});
