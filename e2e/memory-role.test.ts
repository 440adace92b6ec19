// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient, type Client } from '@reeve/client';
import { routes } from '@reeve/contract';
import { newId } from '@reeve/kit';
import { createTestDatabase, testDatabaseKind, type TestDatabase } from '@reeve/testing/database';
import { createGrpcClient, memoryTargetOf, type CallOptions, type GrpcClient } from '@reeve/testing/grpc-client';
import { startServer, type ServerProcess } from '@reeve/testing/server';

const SERVICE = 'reeve.v1.Memory';

/** A call's response. Fails on what is not `OK`. */
async function ask(client: GrpcClient, method: string, request: Record<string, unknown>, options?: CallOptions) {
  const called = await client.call(method, request, options);
  assert.ok('response' in called, 'message' in called ? `${method}: ${called.code} ${called.message}` : '');
  return called.response;
}

describe('the Memory service', { timeout: 240_000 }, () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let http: Client;
  let memory: GrpcClient;

  before(async () => {
    database = await createTestDatabase();
    server = await startServer({ ...database, environment: { MEMORY_PORT: '0' } });
    http = createClient({ baseUrl: server.url });
    memory = createGrpcClient(SERVICE, memoryTargetOf(server));
  });
  after(async () => {
    memory[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  it('keeps conversations, which HTTP tells too', async () => {
    const session_id = newId();
    const said = [
      { role: 'user', content: 'Where is the cellar key?' },
      { role: 'assistant', content: 'Under the blue pot.' },
    ];
    assert.deepEqual(await ask(memory, 'AppendMessages', { session_id, messages: said }), { positions: [1, 2] });
    const { messages } = await ask(memory, 'GetSessionHistory', { session_id });
    assert.deepEqual(
      (messages as Record<string, unknown>[]).map(({ role, content, position }) => [role, content, position]),
      [
        ['user', 'Where is the cellar key?', 1],
        ['assistant', 'Under the blue pot.', 2],
      ],
    );
    const told = await http.call(routes.getLatestMemory, { query: { session_id } });
    assert.deepEqual(
      told.messages.map(({ content }) => content),
      said.map(({ content }) => content),
    );
    const newest = await ask(memory, 'GetSessionHistory', { session_id, limit: 1 });
    assert.equal((newest['messages'] as { content: string }[])[0]!.content, 'Under the blue pot.');
  });

  it('remembers once and recalls, for the tenant that the metadata names', async () => {
    const acme = { metadata: { 'x-tenant-id': 'acme' } };
    const fact = { text: 'The alarm code is 4711', tags: ['alarm'], ttl_s: 3600 };
    const { id } = await ask(memory, 'Remember', fact, acme);
    const again = await ask(memory, 'Remember', fact, acme);
    assert.deepEqual(again, { id, deduplicated: true });
    const { matches, retrieval, backend } = await ask(memory, 'Recall', { query: 'alarm code' }, acme);
    assert.deepEqual([retrieval, backend], ['lexical', 'built_in']);
    const [match, ...rest] = matches as Record<string, unknown>[];
    assert.deepEqual([match!['id'], match!['text'], match!['tags'], rest.length], [id, fact.text, ['alarm'], 0]);
    const changed = await ask(memory, 'Remember', { text: 'The alarm code is 4712' }, acme);
    assert.deepEqual(changed['supersedes'], [id]);
    const narrowed = { query: 'alarm code', tags: ['alarm'], from: '2020-01-01T00:00:00Z' };
    const older = (await ask(memory, 'Recall', narrowed, acme))['matches'] as Record<string, unknown>[];
    assert.deepEqual(
      older.map((one) => [one['id'], one['superseded_by']]),
      [[id, changed['id']]],
    );
    assert.deepEqual(
      (await ask(memory, 'Recall', { ...narrowed, to: '2020-01-02T00:00:00Z' }, acme))['matches'] ?? [],
      [],
    );
    const elsewhere = await ask(memory, 'Recall', { query: 'alarm code' });
    assert.deepEqual(elsewhere['matches'] ?? [], []);
  });

  it('answers what a persona’s bases and playbooks know', async () => {
    const { slug, id } = await http.call(routes.createPersona, { body: { name: 'Cellar' } });
    await http.call(routes.addDocument, {
      params: { id: slug, kb: 'Domain-KB' },
      body: { text: '# Wine\n\nBarrels are turned on Mondays.', source: 'wine.md' },
    });
    const question = { query: 'when are barrels turned?', persona_id: slug };
    const { matches, retrieval } = await ask(memory, 'GetRAGContext', question);
    assert.equal(retrieval, 'lexical');
    for (const narrower of [{ tags: ['beer'] }, { to: '2020-01-01T00:00:00Z' }])
      assert.deepEqual((await ask(memory, 'GetRAGContext', { ...question, ...narrower }))['matches'] ?? [], []);
    const [match] = matches as Record<string, unknown>[];
    assert.deepEqual(
      [match!['persona_id'], match!['knowledge_base'], match!['source'], match!['headings'], match!['position']],
      [id, 'Domain-KB', 'wine.md', ['Wine'], 1],
    );
    const playbook = {
      session_id: newId(),
      prompt: 'Turn the barrels',
      calls: [{ tool: 'run_code', args_json: '{"code": "turn()"}' }],
      persona_id: id,
    };
    const stored = await ask(memory, 'StorePlaybook', playbook);
    const { playbooks } = await http.call(routes.listPlaybooks, { query: { persona_id: id } });
    assert.deepEqual(
      playbooks.map((one) => one.id),
      [stored['id']],
    );
  });

  it('refuses by the codes of gRPC', async () => {
    const refused = async (method: string, request: Record<string, unknown>) => {
      const called = await memory.call(method, request);
      assert.ok('message' in called, JSON.stringify(called));
      return [called.code, called.message] as const;
    };
    const [missing] = await refused('GetSessionHistory', { session_id: newId() });
    assert.equal(missing, 'NOT_FOUND');
    for (const [method, request, field] of [
      ['GetSessionHistory', { session_id: 'mine' }, 'session_id'],
      ['AppendMessages', { session_id: newId(), messages: [{ role: 'nobody', content: 'x' }] }, 'role'],
      ['Remember', { text: '' }, 'text'],
      ['Remember', { text: 'x', ttl_s: -5 }, 'ttl_s'],
      ['Recall', { query: 'x', top_k: 1_000 }, 'top_k'],
      ['Recall', { query: 'x', kinds: ['dream'] }, 'kinds'],
      ['Recall', { query: 'x', from: 'yesterday' }, 'from'],
      ['GetRAGContext', { query: 'x', knowledge_bases: ['Lung-KB'] }, 'knowledge_bases'],
      ['StorePlaybook', { session_id: newId(), prompt: 'x', calls: [{ tool: 'x', args_json: '[' }] }, 'args_json'],
    ] as const) {
      const [code, message] = await refused(method, request);
      assert.equal(code, 'INVALID_ARGUMENT', `${method}: ${message}`);
      assert.match(message, new RegExp(field), method);
    }
  });
});

const onePlace = testDatabaseKind === 'pglite' && 'roles are split over PostgreSQL';
describe('the role memory in a process of its own', { timeout: 240_000, skip: onePlace }, () => {
  it('serves the service, and the routes of memory alone over HTTP', async () => {
    await using database = await createTestDatabase();
    const environment = { REEVE_ROLES: 'memory', MEMORY_PORT: '0' };
    await using server = await startServer({ ...database, environment });
    using memory = createGrpcClient(SERVICE, memoryTargetOf(server));
    await ask(memory, 'Remember', { text: 'The gate squeaks' });
    const http = createClient({ baseUrl: server.url });
    const { matches } = await http.call(routes.recall, { body: { query: 'gate' } });
    assert.deepEqual(
      matches.map(({ text }) => text),
      ['The gate squeaks'],
    );
    assert.deepEqual((await http.call(routes.getHealth, {})).roles, ['memory']);
    await assert.rejects(http.call(routes.listAgents, {}), { status: 404 });
  });
});
