// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { inTenant, now, type Database } from '@reeve/db';
import { createApp, type App } from '@reeve/http';
import { newId, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { proposeCleanup } from './care/cleanup.ts';
import { DEFAULT_RULES, memoryRules } from './care/sensitive.ts';
import { indexMemory } from './indexer.ts';
import { digestOf } from './memory.ts';
import { mountMemory } from './routes.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON an answer has
type Answer = { status: number; body: any };

describe('the routes of memory', () => {
  let database: Database;
  const deleted: string[] = [];
  let rules = DEFAULT_RULES;
  let app: App;
  async function send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await app.fetch(
      new Request(`http://x${path}`, { method, headers: { 'content-type': 'application/json', ...headers }, ...init }),
    );
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }

  before(async () => {
    database = await openTestDatabase();
    app = createApp({
      service: 'test',
      authenticate: async (header) => ({
        tenantId: header('x-tenant-id') ?? 'default',
        userId: 'ada',
        role: 'admin',
        via: 'development',
      }),
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
    });
    mountMemory(
      app,
      database,
      async () => rules,
      async (tenantId, sessionId) => void deleted.push(`${tenantId}/${sessionId}`),
    );
  });
  after(() => database[Symbol.asyncDispose]());

  it('store history, prompt and response in that order, and answer them', async () => {
    const id = randomUUID();
    const history = [
      { role: 'system', content: 'Be kind\nplease' },
      { role: 'tool-output', content: '42' },
    ];
    const stored = await send('POST', '/memory/store', {
      session_id: id,
      history,
      prompt: 'six times seven?',
      llm_response: '42',
    });
    assert.deepEqual(stored, { status: 200, body: { session_id: id, stored: 4 } });
    const latest = await send('GET', `/memory/latest?session_id=${id}`);
    assert.deepEqual(
      latest.body.messages.map((message: { role: string }) => message.role),
      ['system', 'tool-output', 'user', 'assistant'],
    );
    assert.equal((await send('GET', `/api/v1/sessions/${id}`)).body.title, 'Be kind');
    assert.deepEqual((await send('POST', '/memory/store', { session_id: randomUUID(), history: [] })).body.stored, 0);
  });

  it('keep who said a message, and when', async () => {
    const id = randomUUID();
    const at = '2023-05-08T13:56:00.000Z';
    await send('POST', '/memory/store', {
      session_id: id,
      history: [
        { role: 'user', content: 'I went hiking', name: 'Ada', at },
        { role: 'assistant', content: 'Where?' },
      ],
    });
    const { messages } = (await send('GET', `/memory/latest?session_id=${id}`)).body;
    assert.deepEqual([messages[0].name, messages[0].created_at, messages[1].name], ['Ada', at, null]);
    assert.ok(Date.parse(messages[1].created_at) > Date.parse('2026-01-01'));
  });

  it('make a session of a conversation that was held elsewhere', async () => {
    const messages = Array.from({ length: 2_500 }, (_, index) => ({
      role: index % 2 === 0 ? 'user' : 'assistant',
      content: `turn ${index}`,
      at: new Date(Date.UTC(2023, 4, 8) + index * 60_000).toISOString(),
    }));
    const made = await send('POST', '/api/v1/sessions/import', { title: 'From elsewhere', messages });
    assert.deepEqual([made.status, made.body.title, made.body.message_count], [201, 'From elsewhere', 2_500]);
    const exported = (await send('GET', `/api/v1/sessions/${made.body.id}/export`)).body.messages;
    assert.deepEqual(
      exported.map(({ content, created_at }: { content: string; created_at: string }) => [content, created_at]),
      messages.map(({ content, at }) => [content, at]),
    );
    const untitled = await send('POST', '/api/v1/sessions/import', { messages: messages.slice(0, 1) });
    assert.equal(untitled.body.title, 'turn 0');
    const future = await send('POST', '/api/v1/sessions/import', {
      messages: [{ role: 'user', content: 'x', at: '2999-01-01T00:00:00Z' }],
    });
    assert.equal(future.status, 400);
    assert.equal(future.body.details[0].path, 'messages[0].at');
  });

  it('page through a session from its newest message', async () => {
    const id = randomUUID();
    await send('POST', '/memory/store', {
      session_id: id,
      history: ['1', '2', '3', '4', '5'].map((content) => ({ role: 'user', content })),
    });
    const contents = async (paging: string) =>
      (await send('GET', `/api/v1/sessions/${id}?${paging}`)).body.messages.map(
        (message: { content: string }) => message.content,
      );
    assert.deepEqual(await contents('limit=2'), ['4', '5']);
    assert.deepEqual(await contents('limit=2&offset=2'), ['2', '3']);
    assert.deepEqual(await contents('offset=9'), []);
    assert.equal((await send('GET', `/api/v1/sessions/${id}/export`)).body.messages.length, 5);
  });

  it('list, rename and delete sessions', async () => {
    const id = randomUUID();
    await send('POST', '/memory/store', { session_id: id, history: [], prompt: 'Unicorn census' });
    const listed = await send('GET', '/api/v1/sessions?q=unicorn&limit=1');
    assert.deepEqual(
      [listed.body.sessions[0].id, listed.body.total, listed.body.limit, listed.body.offset],
      [id, 1, 1, 0],
    );
    assert.equal((await send('PATCH', `/api/v1/sessions/${id}`, { title: '<b>"x"</b>' })).body.title, '<b>"x"</b>');
    assert.deepEqual(await send('DELETE', `/api/v1/sessions/${id}`), { status: 204, body: null });
    assert.deepEqual(deleted, [`default/${id}`]);
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['GET', '/export'],
    ] as const) {
      assert.equal((await send(method, `/api/v1/sessions/${id}${path}`)).status, 404);
    }
    assert.equal((await send('GET', `/memory/latest?session_id=${id}`)).status, 404);
  });

  it('remember, recall and forget', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const made = await send('POST', '/api/v1/memory/remember', { text: 'Penguins cannot fly', tags: ['bird'] }, key);
    assert.deepEqual([made.status, made.body.deduplicated], [201, false]);
    assert.deepEqual(
      await send('POST', '/api/v1/memory/remember', { text: 'Penguins cannot fly', tags: ['bird'] }, key),
      made,
    );
    assert.equal(
      (await send('POST', '/api/v1/memory/remember', { text: 'penguins cannot FLY' })).body.deduplicated,
      true,
    );
    const found = await send('POST', '/api/v1/memory/recall', { query: 'flying penguin' });
    assert.deepEqual(
      [found.body.retrieval, found.body.matches.length, found.body.matches[0].id],
      ['lexical', 1, made.body.id],
    );
    assert.equal((await send('DELETE', `/api/v1/memory/${made.body.id}`)).status, 204);
    assert.equal((await send('DELETE', `/api/v1/memory/${made.body.id}`)).status, 404);
  });

  it('refuse what is never remembered by the rule’s name, or mask it where the tenant says so', async () => {
    const secret = `hunter2${randomUUID()}`;
    const refused = await send('POST', '/api/v1/memory/remember', { text: `The wifi password: ${secret}` });
    assert.deepEqual(
      [refused.status, refused.body.code, refused.body.details[0].path],
      [400, 'content_refused', 'text'],
    );
    assert.match(refused.body.error, /a password.*rule password/);
    assert.ok(!JSON.stringify(refused.body).includes(secret));
    const tagged = await send('POST', '/api/v1/memory/remember', { text: 'x', tags: ['wifi', `password=${secret}`] });
    assert.deepEqual([tagged.status, tagged.body.details[0].path], [400, 'tags.1']);
    const { id } = (await send('POST', '/api/v1/memory/remember', { text: 'The wifi is called Fox' })).body;
    const path = `/api/v1/memory/${id}`;
    assert.equal((await send('PATCH', path, { text: `password: ${secret}` })).body.code, 'content_refused');
    assert.equal((await send('GET', path)).body.text, 'The wifi is called Fox');

    rules = memoryRules({ extract: false, secrets: 'mask', refuse: ['(?i)nightfall'], mask: ['EMP-\\d+'] });
    try {
      const code = (await send('POST', '/api/v1/memory/remember', { text: 'About Nightfall' })).body;
      assert.match(code.error, /does not want.*rule refuse\.0/);
      const text = `Ada is EMP-4711, her wifi password: ${secret}`;
      const stored = (await send('POST', '/api/v1/memory/remember', { text })).body.id;
      const memory = (await send('GET', `/api/v1/memory/${stored}`)).body;
      assert.equal(memory.text, 'Ada is ***, her wifi password: ***');
      assert.deepEqual((await send('POST', '/api/v1/memory/recall', { query: `4711 ${secret}` })).body.matches, []);
      assert.equal((await send('DELETE', `/api/v1/memory/${stored}`)).status, 204);
    } finally {
      rules = DEFAULT_RULES;
      await send('DELETE', path);
    }
  });

  it('export all that is remembered, the oldest first, and forget it all with what it was found by', async () => {
    const [tenant, persona] = [{ 'x-tenant-id': 'other' }, newId()];
    await database.db
      .insertInto('personas')
      .values({ id: persona, tenant_id: 'other', slug: 'thinker', name: 'Thinker', description: '', created_by: 'ada' })
      .execute();
    await database.db
      .insertInto('memories')
      .values(
        Array.from({ length: 601 }, (_, n) => ({
          id: newId(),
          tenant_id: 'other',
          persona_id: n % 2 === 0 ? persona : null,
          text: `thought ${n}`,
          digest: newId(),
          created_at: now,
        })),
      )
      .execute();
    await indexMemory(database, silentLog, new AbortController().signal);
    const { id } = (await send('POST', '/api/v1/memory/remember', { text: 'The last one', tags: ['end'] }, tenant))
      .body;
    const read = async (query: string) => {
      const response = await app.fetch(new Request(`http://x/api/v1/memory/export${query}`, { headers: tenant }));
      assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
      return (await response.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    };
    const lines = await read('');
    assert.deepEqual([lines.length, lines.at(-1)], [603, { exported: 602 }]);
    assert.equal(new Set(lines.map((line) => line.text)).size, 603);
    const listed = (await send('GET', '/api/v1/memory?limit=1', undefined, tenant)).body;
    assert.deepEqual([lines.at(-2), listed.total], [listed.memories[0], 602]);
    assert.equal((await read(`?persona_id=${persona}`)).length, 302);
    const { body } = await send('GET', '/api/v1/memory?persona_id=thinker', undefined, tenant);
    assert.equal(body.total, 301);
    for (const [method, route] of [
      ['GET', ''],
      ['GET', '/export'],
      ['GET', '/cleanup'],
      ['DELETE', ''],
    ] as const)
      assert.equal((await send(method, `/api/v1/memory${route}?persona_id=thinker`)).status, 404, `${method} ${route}`);

    for (const query of ['', '?all=false', `?all=true&persona_id=${persona}`])
      assert.equal((await send('DELETE', `/api/v1/memory${query}`, undefined, tenant)).status, 400, query);
    const mine = (await send('POST', '/api/v1/memory/remember', { text: 'Not theirs to delete' })).body.id;
    const path = `/api/v1/memory?persona_id=${persona}`;
    assert.deepEqual((await send('DELETE', path, undefined, tenant)).body, { deleted: 301 });
    assert.deepEqual((await send('DELETE', path, undefined, tenant)).body, { deleted: 0 });
    assert.equal((await send('POST', '/api/v1/memory/recall', { query: 'last' }, tenant)).body.matches[0].id, id);
    assert.deepEqual((await send('DELETE', '/api/v1/memory?all=true', undefined, tenant)).body, { deleted: 301 });
    assert.deepEqual(await read(''), [{ exported: 0 }]);
    for (const table of ['lexical_entries', 'lexical_terms', 'lexical_blocks'] as const) {
      const rows = await database.db.selectFrom(table).select('space_id').where('tenant_id', '=', 'other').execute();
      assert.deepEqual(rows, [], table);
    }
    assert.equal((await send('DELETE', `/api/v1/memory/${mine}`)).status, 204);
    const audited = await database.db
      .selectFrom('audit')
      .select('details')
      .where('action', '=', 'MEMORIES_DELETED')
      .orderBy('at')
      .execute();
    assert.deepEqual(
      audited.map(({ details }) => details),
      [{ deleted: 301, persona }, { deleted: 301 }],
    );
    assert.equal(
      (await send('POST', '/api/v1/memory/remember', { text: 'The last one' }, tenant)).body.deduplicated,
      false,
    );
  });

  const other = { 'x-tenant-id': 'other' };
  /** Stores a memory as it was stored before anything was compared. */
  const store = async (text: string, day: string, tags: string[] = []) => {
    const id = newId();
    const created_at = new Date(`${day}T12:00:00Z`);
    const row = { id, tenant_id: 'other', text, digest: digestOf(text), tags, created_at };
    await database.db.insertInto('memories').values(row).execute();
    return id;
  };

  it('say which of them could go, and change nothing', async () => {
    await send('DELETE', '/api/v1/memory?all=true', undefined, other);
    const [tea, berlin] = [
      await store('Ada prefers tea', '2025-01-01'),
      await store('Ada lives in Berlin', '2025-01-02'),
    ];
    const again = await store('ada prefers the tea!', '2025-01-03');
    const munich = await store('Ada lives in Munich', '2025-01-04');
    const stale = await store('Ada asked about two', '2025-01-05', ['extracted']);
    const kept = await store('Ada paints', '2025-01-06');
    await indexMemory(database, silentLog, new AbortController().signal);
    const rent = (await send('POST', '/api/v1/memory/remember', { text: 'The rent is 900 euros' }, other)).body.id;
    const raised = (await send('POST', '/api/v1/memory/remember', { text: 'The rent is 950 euros' }, other)).body.id;

    const ask = async (query = '') => (await send('GET', `/api/v1/memory/cleanup${query}`, undefined, other)).body;
    const plan = await ask();
    assert.deepEqual([plan.looked_at, plan.next], [8, null]);
    assert.deepEqual(
      plan.proposals.map((one: { kind: string; memory_id: string; in_favor_of: string }) => [
        one.memory_id,
        one.kind,
        one.in_favor_of,
      ]),
      [
        [again, 'duplicate', tea],
        [berlin, 'contradicted', munich],
        [stale, 'stale', null],
        [rent, 'superseded', raised],
      ],
    );
    assert.deepEqual((await ask('?stale_days=36500')).proposals.length, 3);
    const first = await ask('?limit=5');
    assert.deepEqual([first.looked_at, first.next], [5, stale]);
    const rest = await ask(`?limit=5&after=${stale}`);
    assert.deepEqual([rest.looked_at, rest.proposals.length, rest.next], [3, 1, null]);
    const all = (await send('GET', '/api/v1/memory', undefined, other)).body;
    assert.ok(all.total === 8 && JSON.stringify(all).includes(kept));
    assert.equal((await send('DELETE', '/api/v1/memory?all=true', undefined, other)).status, 200);
  });

  it('are never proposed all of those that say the same, a page each', async () => {
    await send('DELETE', '/api/v1/memory?all=true', undefined, other);
    const old = await store('Ada asked about lentils', '2024-01-01', ['extracted']);
    await store('Ada asked about the lentils', '2025-01-02');
    const rome = await store('Ada lives in Rome', '2025-01-03');
    const paris = await store('Ada lives in Paris', '2025-01-04');
    const again = await store('Ada lives in the Rome', '2025-01-05');
    const tea = await store('Ada prefers tea', '2025-01-06');
    const newer = await store('Bob paints', '2025-01-07');
    await store('Ada prefers the tea', '2025-01-08');
    await database.db.updateTable('memories').set({ superseded_by: newer }).where('id', '=', tea).execute();
    await indexMemory(database, silentLog, new AbortController().signal);
    const proposed: [string, string][] = [];
    for (let after: string | null = ''; after !== null;) {
      const query: string = after === '' ? '' : `&after=${after}`;
      const { body } = await send('GET', `/api/v1/memory/cleanup?limit=1${query}`, undefined, other);
      for (const { memory_id: id, kind } of body.proposals) proposed.push([id, kind]);
      after = body.next;
    }
    assert.deepEqual(proposed, [
      [old, 'stale'],
      [rome, 'contradicted'],
      [paris, 'contradicted'],
      [tea, 'superseded'],
    ]);
    assert.ok(!proposed.some(([id]) => id === again));
  });

  it('are compared one at a time, until nobody wants to know', async () => {
    for (let day = 10; day < 30; day += 1) await store(`Ada saw ${day} boats`, `2025-01-${day}`);
    await indexMemory(database, silentLog, new AbortController().signal);
    const leaving = new AbortController();
    const plan = proposeCleanup(database.db, 'other', { limit: 200, staleDays: 365 }, leaving.signal);
    const ended = assert.rejects(plan, { name: 'AbortError' });
    await inTenant(database.db, 'other', (tx) => tx.selectFrom('memories').select('id').limit(1).execute());
    leaving.abort();
    await ended;
    assert.equal((await send('DELETE', '/api/v1/memory?all=true', undefined, other)).status, 200);
  });

  it('refuse bad input by the field’s name and store nothing', async () => {
    const cases: [string, string, unknown, string][] = [
      ['POST', '/memory/store', { session_id: 'x', history: [] }, 'session_id'],
      [
        'POST',
        '/memory/store',
        { session_id: randomUUID(), history: [{ role: 'robot', content: '' }] },
        'history.0.role',
      ],
      ['POST', '/memory/store', { session_id: randomUUID(), history: [], extra: 1 }, 'extra'],
      ['POST', '/api/v1/memory/remember', { text: ' \n ' }, 'text'],
      ['POST', '/api/v1/memory/remember', { text: 'a\u0000b' }, 'text'],
      ['POST', '/api/v1/memory/remember', { text: 'x'.repeat(20_001) }, 'text'],
      ['POST', '/api/v1/memory/recall', { query: 'x', kinds: ['soul'] }, 'kinds.0'],
      ['PATCH', `/api/v1/sessions/${randomUUID()}`, { title: '' }, 'title'],
      ['DELETE', '/api/v1/memory/1', undefined, 'id'],
    ];
    for (const [method, path, body, field] of cases) {
      const { status, body: error } = await send(method, path, body);
      assert.deepEqual([status, error.code, error.details[0].path], [400, 'invalid_request', field]);
    }
    assert.equal((await send('POST', '/api/v1/memory/recall', { query: 'x' })).body.matches.length, 0);
  });

  it('answer 404 for what is another tenant’s', async () => {
    const id = randomUUID();
    await send('POST', '/memory/store', { session_id: id, history: [], prompt: 'mine' });
    const memory = (await send('POST', '/api/v1/memory/remember', { text: 'mine alone' })).body.id;
    const other = { 'x-tenant-id': 'other' };
    for (const [method, path, body] of [
      ['GET', `/memory/latest?session_id=${id}`],
      ['GET', `/api/v1/sessions/${id}`],
      ['GET', `/api/v1/sessions/${id}/export`],
      ['PATCH', `/api/v1/sessions/${id}`, { title: 'x' }],
      ['DELETE', `/api/v1/sessions/${id}`],
      ['DELETE', `/api/v1/memory/${memory}`],
      ['POST', '/memory/store', { session_id: id, history: [], prompt: 'theirs' }],
    ] as const) {
      assert.equal((await send(method, path, body, other)).status, 404, `${method} ${path}`);
    }
    assert.equal((await send('GET', '/api/v1/sessions', undefined, other)).body.total, 0);
    assert.equal((await send('GET', `/memory/latest?session_id=${id}`)).body.messages.length, 1);
  });
});
