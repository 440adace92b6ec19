import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { ErrorBody, JsonRpcError, OpenAiError, routes, type Route } from '@reeve/contract';
import { newId, silentLog } from '@reeve/kit';
import { readConfig, startReeve } from '@reeve/server';
import { sql } from 'kysely';
import { createTestDatabase, type TestDatabase } from '@reeve/testing/database';
import { fieldsOf, isFree, typeOf, type Field, type OpenApi, type Path } from '@reeve/testing/schema-fields';

type Json = Record<string, unknown>;
const SESSION = newId();
const NOWHERE = newId();

/** A body for each route that takes one, right in every way. */
const RIGHT = {
  createAgent: { name: 'x' },
  updateAgent: { description: 'x' },
  createTask: { agent_id: 'assistant', task_type: 'query', title: 'x' },
  createTaskBatch: { tasks: [{ agent_id: 'assistant', task_type: 'query', title: 'x' }] },
  createWorkflow: { title: 'x', tasks: [{ key: 'a', agent_id: 'assistant', task_type: 'query', title: 'x' }] },
  decideTask: { decision: 'approve' },
  decideApproval: { decision: 'approve' },
  putPolicy: { task_type: 'query', auto_execute: true },
  putLimit: { max_running: 7 },
  putBudget: { scope: 'agent', ref: 'assistant', limit_tokens: 1_000_000_000 },
  createKey: { name: 'x', role: 'viewer' },
  rotateKey: { grace_seconds: 0 },
  createTenant: { id: 'made', name: 'x', overrides: { budgets: { default: 1_000_000_000 } } },
  updateTenant: { name: 'x', overrides: { routing: { deny: ['x'] } } },
  putTenantOverrides: { fail_open: true, budgets_usd: { default: '900' }, rate_limits: { concurrent_runs: 900 } },
  forkRun: { from_step: 1 },
  createSchedule: { agent_id: 'assistant', task_type: 'query', title: 'x', cron: '0 8 * * *' },
  updateSchedule: { title: 'x' },
  runDueSchedules: { dry_run: true },
  execute: { task: 'hello' },
  run: { prompt: 'hello' },
  plan: { prompt: 'hello' },
  planV1: { prompt: 'hello' },
  query: { message: 'hello' },
  chat: { agent_config_id: 'assistant', message: 'hello', stream: false },
  storeMemory: { session_id: SESSION, history: [{ role: 'user', content: 'hello' }] },
  importSession: { messages: [{ role: 'user', content: 'hello' }] },
  renameSession: { title: 'x' },
  remember: { text: 'x' },
  createPersona: { name: 'x' },
  updatePersona: { description: 'x' },
  addDocument: { text: 'x' },
  searchKnowledge: { query: 'x' },
  getRagContext: { query: 'x' },
  storePlaybook: { session_id: SESSION, prompt: 'x', history_sequence: [{ tool: 'x' }] },
  recall: { query: 'x' },
  updateMemory: { text: 'x' },
  echo: { ping: 'x' },
  putSettings: { settings: { GATEWAY_TIMEOUT_MS: 20_000 } },
  executeTool: { tool_name: 'calculator', args: { expression: '1 + 1' } },
  createChatCompletion: { model: 'agent/assistant', messages: [{ role: 'user', content: 'hello' }] },
  createEmbeddings: { input: 'hello' },
  createResponse: { model: 'agent/assistant', input: 'hello' },
  createMcpServer: { name: 'x', url: 'https://mcp.invalid/', enabled: false },
  updateMcpServer: { enabled: false },
  mcp: { jsonrpc: '2.0', id: 1, method: 'ping', params: {} },
  uiChat: { id: SESSION, messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }] },
} as const satisfies Partial<Record<RouteName, object>>;

type RouteName = keyof typeof routes;
const table: Readonly<Record<RouteName, Route>> = { ...routes };
const all = Object.entries(table) as [RouteName, Route][];
const withBody = Object.entries(RIGHT) as [keyof typeof RIGHT, object][];
/** Those whose strings are kept: what they are sent must be found again as it was. */
const KEEPING = new Set<string>([
  'createAgent',
  'updateAgent',
  'createTask',
  'createTaskBatch',
  'createWorkflow',
  'createSchedule',
  'updateSchedule',
  'createKey',
  'updateTenant',
  'execute',
  'run',
  'plan',
  'planV1',
  'query',
  'chat',
  'storeMemory',
  'importSession',
  'renameSession',
  'remember',
  'createPersona',
  'updatePersona',
  'addDocument',
]);
/** What is read as Markdown and cut into chunks, or into tags: its words are kept, spaces around them are not. */
const CUT = new Set<string>(['addDocument.text', 'addDocument.tags']);
const HOSTILE = [
  `'; drop table tasks; --`,
  `$1 ' OR 1=1 --`,
  `\\'; select pg_sleep(9); --`,
  `%' union select * from audit --`,
  `<script>alert(1)</script>`,
  `<img src=x onerror="alert(1)">&amp;`,
  `{{7*7}} \${7*7} %s %n`,
  `\u202ea\ud83d\ude00\u0301`,
  `__proto__`,
  `../../etc/passwd`,
  `\r\nX-Injected: 1`,
];

describe('bad input', { timeout: 600_000 }, () => {
  let place: TestDatabase;
  let reeve: Awaited<ReturnType<typeof startReeve>>;
  let agentId: string;
  let scheduleId: string;
  let personaId: string;
  let document: OpenApi;

  before(async () => {
    place = await createTestDatabase();
    const { config } = readConfig({
      REEVE_DATA_DIR: place.dataDirectory,
      DATABASE_URL: place.url,
      LLM_PROVIDER: 'mock',
    });
    reeve = await startReeve({ config, log: silentLog, command: 'test', serve: false });
    document = (await answerOf(send('getOpenApi'))) as OpenApi;
    agentId = ((await answerOf(send('createAgent', { body: { name: 'mine' } }))) as { id: string }).id;
    scheduleId = ((await answerOf(send('createSchedule', { body: RIGHT.createSchedule }))) as { id: string }).id;
    personaId = ((await answerOf(send('createPersona', { body: { name: 'mine' } }))) as { id: string }).id;
    assert.equal((await send('storeMemory', { body: RIGHT.storeMemory })).status, 200);
    assert.equal((await send('createTenant', { body: { id: 'other', name: 'other' } })).status, 201);
  });
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  interface Sending {
    body?: unknown;
    /** Sent as it is instead of `body`. */
    text?: BodyInit;
    params?: Record<string, string>;
    query?: string;
    headers?: Record<string, string>;
  }

  function send(
    name: RouteName,
    { body, text, params = {}, query = '', headers = {} }: Sending = {},
  ): Promise<Response> {
    const route = table[name];
    const path = route.path.replace(
      /\{(\w+)\}/g,
      (_, key: string) => params[key] ?? (key === 'kb' ? 'Domain-KB' : idFor(name)),
    );
    const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
    return reeve.fetch(
      new Request(`http://127.0.0.1${path}${query}`, {
        method: route.method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(sent !== undefined && { body: sent }),
      }),
    );
  }
  /** What is there, for routes about one thing. */
  function idFor(name: string): string {
    if (/Agent/.test(name)) return agentId;
    if (/Schedule/.test(name)) return scheduleId;
    if (/Persona|Document|Knowledge/.test(name)) return personaId;
    // What is set for it holds for nobody here.
    if (/Tenant/.test(name)) return 'other';
    return /Session/.test(name) ? SESSION : NOWHERE;
  }

  async function refused(
    answer: Promise<Response>,
    where: string,
    statuses: readonly number[] = [400],
  ): Promise<ErrorBody> {
    const response = await answer;
    const text = await response.text();
    assert.ok(statuses.includes(response.status), `${where}: ${response.status} ${text.slice(0, 300)}`);
    const body = errorIn(response, text);
    assert.equal(response.headers.get('x-request-id'), body.request_id, where);
    assert.doesNotMatch(body.error, /node_modules|\.ts:|syntax error|violates|relation "/, where);
    return body;
  }

  async function tablesNow(): Promise<Map<string, Json[]>> {
    const { db } = reeve.database;
    const names = await sql<{
      name: string;
    }>`select table_name as name from information_schema.tables where table_schema = 'public' order by 1`.execute(db);
    const found = new Map<string, Json[]>();
    for (const { name } of names.rows) {
      const { rows } = await sql<{ row: Json }>`select to_jsonb(t) as row from ${sql.table(name)} t`.execute(db);
      found.set(
        name,
        rows.map(({ row }) => row),
      );
    }
    return found;
  }
  const rowsNow = async () => [...(await tablesNow()).values()];
  /** Without what tells of refusals, and the chain that is made behind the audit log. */
  const countsNow = async () =>
    Object.fromEntries(
      [...(await tablesNow())]
        .filter(([name]) => name !== 'audit_links')
        .map(([name, rows]) => [name, rows.filter(({ action }) => action !== 'CALL_DENIED').length]),
    );

  /** Nothing is stored by what is refused, and the server goes on. */
  async function storesNothing(work: () => Promise<void>): Promise<void> {
    const before = await countsNow();
    await work();
    assert.deepEqual(await countsNow(), before);
    assert.equal((await send('getReady')).status, 200);
  }

  function operationOf({ method, path }: Route) {
    return document.paths[path]![method.toLowerCase()]!;
  }
  const fieldsFor = (name: RouteName): Field[] => fieldsOf(document, operationOf(table[name]));

  it('is tried on every route that takes a body', () => {
    assert.deepEqual(
      withBody.map(([name]) => name).sort(),
      all
        .filter(([, { body }]) => body !== undefined)
        .map(([name]) => name)
        .sort(),
    );
  });

  for (const [name, right] of withBody) {
    describe(name, () => {
      it('refuses what is no JSON object, and says so', () =>
        storesNothing(async () => {
          for (const text of [
            '',
            '{',
            '{"a":}',
            `{'a': 1}`,
            'undefined',
            '{"a":1}garbage',
            '\ufeff\ufeff{}',
            '<xml/>',
            '[',
            '"\ud800"',
          ])
            await refused(send(name, { text }), text);
          for (const text of ['null', 'true', '7', '"text"', '[]', '[{}]']) await refused(send(name, { text }), text);
          await refused(
            send(name, { text: new Uint8Array([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]) }),
            'invalid UTF-8',
          );
        }));

      it('refuses a body beyond its limit, and another type of content', () =>
        storesNothing(async () => {
          const beyond = (table[name].bodyBytes ?? 2 ** 20) + 2 ** 20;
          await refused(
            send(name, { text: JSON.stringify({ ...right, padding: 'x'.repeat(beyond) }) }),
            'too long',
            [413],
          );
          await refused(send(name, { text: ' '.repeat(beyond) }), 'too much of nothing', [413]);
          for (const type of [
            'text/plain',
            'application/x-www-form-urlencoded',
            'multipart/form-data; boundary=x',
            'application/xml',
          ]) {
            // What no form can be is no form.
            const isForm = table[name].takesFile !== undefined && type.startsWith('multipart/');
            await refused(send(name, { body: right, headers: { 'content-type': type } }), type, [isForm ? 400 : 415]);
          }
        }));

      it('refuses an unknown field, and a required one that is missing, by its name', () =>
        storesNothing(async () => {
          // Other people's protocols have fields that we do not know.
          for (const key of table[name].failures !== undefined
            ? []
            : ['colour', '__proto__', 'constructor', 'tenant_id', `'; drop table tasks; --`, '']) {
            const text = `${JSON.stringify(right).slice(0, -1)},${JSON.stringify(key)}:1}`;
            const { details } = await refused(send(name, { text }), `unknown ${key}`);
            if (key !== '') assert.equal(details?.[0]?.path, key);
          }
          for (const { path, required } of fieldsFor(name)) {
            if (!required || path.length > 1) continue;
            const { details } = await refused(
              send(name, { body: { ...right, [String(path[0])]: undefined } }),
              `without ${path.join('.')}`,
            );
            assert.equal(details?.[0]?.path, String(path[0]));
          }
        }));

      it('refuses a wrong type in every field', () =>
        storesNothing(async () => {
          for (const { path, types } of fieldsFor(name)) {
            if (types === undefined) continue;
            for (const value of [null, true, 7, 1.5, 'text', [], [[]], {}, { a: 1 }]) {
              if (types.has(typeOf(value)) || (types.has('number') && typeof value === 'number')) continue;
              await refused(
                send(name, { body: withValue(right, path, value) }),
                `${path.join('.')} = ${JSON.stringify(value)}`,
              );
            }
          }
        }));

      it('refuses NUL, lone surrogates, numbers beyond any and bottomless nesting in every field', () =>
        storesNothing(async () => {
          for (const { path, types, schema } of fieldsFor(name)) {
            const where = path.join('.');
            const tryText = (value: string) =>
              refused(
                send(name, { text: JSON.stringify(withValue(right, path, '@')).replace('"@"', value) }),
                `${where} = ${value.slice(0, 40)}`,
              );
            if (types?.has('string'))
              for (const value of ['"a\\u0000b"', '"\\ud800"', '"a\\udfffb"']) await tryText(value);
            if (types?.has('integer') || types?.has('number'))
              for (const value of ['1e400', '-1e400', '1e308', '99999999999999999999', '-99999999999'])
                await tryText(value);
            if (types === undefined || types.has('object')) {
              for (const value of [
                `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
                '{"a":1e400}',
                '{"a":"\\ud800"}',
                '{"\\ud800":1}',
              ])
                await tryText(value);
            }
            if (types?.has('object') && isFree(schema))
              for (const value of ['{"a\\u0000":1}', '{"a":["\\u0000"]}']) await tryText(value);
            if (types === undefined || types.has('array'))
              for (const value of [`${'['.repeat(10_000)}${']'.repeat(10_000)}`]) await tryText(value);
            if (types?.has('array')) await tryText(`[${'"x",'.repeat(50_000)}"x"]`);
          }
        }));

      it('keeps hostile text as it is or refuses it, and never obeys it', async () => {
        const before = [...(await tablesNow()).keys()];
        let taken = 0;
        for (const [index, { path }] of fieldsFor(name)
          .filter(({ types }) => types?.has('string'))
          .entries()) {
          const isTaken = async (text: string, number: number): Promise<boolean> => {
            const hostile = `${text} ${name}.${index}.${number}`;
            // The same text again is stored once.
            const fresh = name === 'remember' || name === 'addDocument' ? { ...right, text: hostile } : right;
            const response = await send(name, { body: withValue(fresh, path, hostile) });
            const where = `${path.join('.')} = ${hostile}`;
            if (!response.ok) {
              await refused(Promise.resolve(response), where, [400, 404, 409]);
              return false;
            }
            await response.text();
            if (KEEPING.has(name) && !CUT.has(`${name}.${path[0]}`))
              assert.ok(holds(await rowsNow(), hostile), `${where} is not found as it was sent`);
            return true;
          };
          // A field that takes all of them at once takes each; one that refuses that may still take some.
          const takesAll = await isTaken(HOSTILE.join(' '), HOSTILE.length);
          if (takesAll) taken += HOSTILE.length;
          else for (const [number, text] of HOSTILE.entries()) if (await isTaken(text, number)) taken += 1;
        }
        if (KEEPING.has(name)) assert.ok(taken >= HOSTILE.length, 'at least one field takes any text');
        assert.deepEqual([...(await tablesNow()).keys()], before);
      });

      it('keeps hostile names and values of free-form objects as they are', async () => {
        for (const { path } of fieldsFor(name).filter(({ schema }) => isFree(schema))) {
          const marked = HOSTILE.map((text, number) => `${text} ${name} ${path.join('.')}.${number}`);
          const value = Object.fromEntries(
            HOSTILE.map((text, number) => [text, { [text]: [marked[number], null, 1.5e300] }]),
          );
          const response = await send(name, { body: withValue(right, path, value) });
          assert.ok(response.status < 500, `${path.join('.')}: ${response.status} ${await response.clone().text()}`);
          if (!response.ok || !KEEPING.has(name)) continue;
          const rows = await rowsNow();
          assert.ok(
            name === 'run' || name === 'plan' ? marked.every((text) => holds(rows, text)) : holdsValue(rows, value),
            `${path.join('.')} = ${JSON.stringify(value)} is not found as it was sent`,
          );
        }
      });
    });
  }

  it('in a path is refused, or is simply not there', () =>
    storesNothing(async () => {
      const values = [
        'nobody',
        '0',
        '-1',
        '1e99',
        '99999999999',
        `' or 1=1 --`,
        '<b>',
        '%00',
        '%',
        '..%2f..',
        '%ff',
        'a'.repeat(10_000),
        newId().slice(1),
        `${newId()}x`,
        'null',
        'undefined',
        '{id}',
        '*',
      ];
      for (const [name, route] of all) {
        const keys = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!);
        for (const key of keys) {
          for (const value of values) {
            const params = {
              id: idFor(name),
              version: '1',
              [key]: value.startsWith('%') || value.includes('%2f') ? value : encodeURIComponent(value),
            };
            const right = name in RIGHT ? { body: RIGHT[name as keyof typeof RIGHT] } : {};
            // Any text names a chat; in one that is not there nothing runs.
            if (name === 'resumeUiChat' && (await send(name, { params })).status === 204) continue;
            await refused(send(name, { params, ...right }), `${name} ${key}=${value.slice(0, 50)}`, [400, 404, 405]);
          }
        }
      }
    }));

  it('in a query is refused by the name of the parameter', () =>
    storesNothing(async () => {
      for (const [name, route] of all) {
        if (route.method !== 'GET' || route.access === 'public') continue;
        if (route.query !== undefined && route.failures === undefined)
          assert.ok(
            (await refused(send(name, { query: '?colour=red' }), name)).details?.some(({ path }) => path === 'colour'),
            name,
          );
        const keys = operationOf(route)
          .parameters.filter((parameter) => parameter.in === 'query')
          .map((parameter) => parameter.name);
        for (const key of keys) {
          await refused(send(name, { query: `?${key}=1&${key}=2` }), `${name} ${key} twice`);
          await refused(send(name, { query: `?${key}=a%00b` }), `${name} ${key} with NUL`);
          for (const value of [
            ...HOSTILE,
            '%',
            '_',
            '\\',
            '-1',
            '1.5',
            '1e99',
            'NaN',
            'Infinity',
            '9'.repeat(30),
            'true',
            'x'.repeat(5_000),
            '',
          ]) {
            const response = await send(name, { query: `?${key}=${encodeURIComponent(value)}` });
            if (response.status >= 400)
              await refused(Promise.resolve(response), `${name} ${key}=${value.slice(0, 50)}`, [400, 404]);
            // Some streams go on for ever.
            else await response.body?.cancel();
          }
        }
        for (const limit of ['0', '201', '-1', 'ten', '1.5']) {
          if (keys.includes('limit')) await refused(send(name, { query: `?limit=${limit}` }), `${name} limit=${limit}`);
        }
      }
    }));

  it('in a header is refused or put aside', async () => {
    for (const after of ['x', '-1', '1.5', '9'.repeat(20), `' or 1=1 --`]) {
      for (const name of ['streamRun', 'streamTask', 'streamTasks'] as const)
        await refused(send(name, { headers: { 'last-event-id': after } }), `${name} after ${after}`, [400, 404]);
    }
    await storesNothing(async () => {
      await refused(
        send('remember', { body: RIGHT.remember, headers: { 'idempotency-key': 'k'.repeat(256) } }),
        'a long key',
      );
      await refused(
        send('remember', { body: RIGHT.remember, headers: { 'x-user-id': `'; drop table tasks; --` } }),
        'a hostile user',
        [401],
      );
      await refused(
        send('remember', {
          body: RIGHT.remember,
          headers: { 'x-internal-service': 'true', 'x-tenant-id': '../../etc' },
        }),
        'an internal service',
        [401],
      );
    });
    const keyed = await send('remember', {
      body: { text: 'keyed' },
      headers: { 'idempotency-key': `'; drop table idempotency_keys; --` },
    });
    assert.equal(keyed.status, 201);
  });

  it('names an agent, a session, a task or a tool that is not there, and begins nothing', () =>
    storesNothing(async () => {
      for (const [name, field] of [
        ['execute', 'agent'],
        ['run', 'agent'],
        ['plan', 'agent'],
        ['planV1', 'agent'],
        ['query', 'agent_config_id'],
        ['chat', 'agent_config_id'],
        ['createTask', 'agent_id'],
      ] as const) {
        for (const ref of ['nobody', NOWHERE]) {
          const { code, error } = await refused(
            send(name, { body: { ...RIGHT[name], [field]: ref } }),
            `${name} by ${ref}`,
          );
          assert.deepEqual([code, error], ['unknown_agent', `there is no agent ${ref}`]);
        }
      }
      await refused(
        send('createTask', { body: { ...RIGHT.createTask, depends_on: [NOWHERE] } }),
        'a dependency that is not there',
      );
      assert.equal(
        (await refused(send('executeTool', { body: { tool_name: 'rm_rf' } }), 'an unknown tool', [404])).code,
        'unknown_tool',
      );
      for (const name of [
        'getTask',
        'cancelTask',
        'retryTask',
        'getRun',
        'listSteps',
        'streamRun',
        'cancelRun',
        'deleteMemory',
      ] as const)
        await refused(send(name), name, [404]);
      for (const [name, body] of [
        ['getSession', undefined],
        ['exportSession', undefined],
        ['deleteSession', undefined],
        ['renameSession', RIGHT.renameSession],
        ['getAgent', undefined],
        ['deleteAgent', undefined],
        ['updateAgent', RIGHT.updateAgent],
      ] as const) {
        await refused(send(name, { params: { id: NOWHERE }, ...(body !== undefined && { body }) }), name, [404]);
      }
      await refused(
        send('restoreAgentVersion', { params: { version: '2147483647' } }),
        'a version that is not there',
        [404],
      );
    }));

  it('in times, depths and lengths at the edge is refused or works', async () => {
    for (const run_at of [
      '0000-01-01T00:00:00Z',
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59.999Z',
      '2026-02-30T00:00:00Z',
      '2026-13-01T00:00:00Z',
      'now()',
      'infinity',
      '2026-01-01',
      '9999-12-31T23:59:59-23:59',
      '0000-01-01T00:00:00+23:59',
    ]) {
      const response = await send('createTask', { body: { ...RIGHT.createTask, run_at } });
      if (response.status !== 201) await refused(Promise.resolve(response), `run_at ${run_at}`);
    }
    const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });
    for (const name of ['execute', 'createTask', 'createAgent'] as const) {
      const field = { execute: 'parameters', createTask: 'payload', createAgent: 'metadata' }[name];
      for (const levels of [60, 61, 62, 63, 64, 65]) {
        const response = await send(name, {
          body: { ...RIGHT[name], [field]: nested(levels) },
          headers: { 'idempotency-key': `${name} ${levels}` },
        });
        if (response.ok) assert.ok(levels < 64, `${name} takes ${levels} levels`);
        else await refused(Promise.resolve(response), `${name} ${levels} levels`);
      }
    }
    for (const length of [78, 79, 80, 81]) {
      const response = await send('execute', { body: { task: `${'x'.repeat(length)}\ud83d\ude00 and more` } });
      assert.equal(response.status, 200, await response.text());
    }
    assert.equal((await send('execute', { body: { task: ' \n\t ' } })).status < 500, true);
  });

  it('leads no tool out of its workspace', async () => {
    const workspace = join(place.dataDirectory, 'workspaces/default', SESSION);
    const outside = join(place.dataDirectory, 'secret.txt');
    await writeFile(outside, 'the secret');
    const tool = async (tool_name: string, args: Json) => {
      const response = await send('executeTool', { body: { tool_name, args, session_id: SESSION } });
      assert.equal(response.status, 200, await response.clone().text());
      return (await response.json()) as { tool_status: string; result: unknown };
    };
    assert.equal((await tool('write_file', { path: 'inside.txt', content: 'mine' })).tool_status, 'success');
    await mkdir(workspace, { recursive: true });
    await symlink(outside, join(workspace, 'link.txt'));
    await symlink(place.dataDirectory, join(workspace, 'up'));
    await symlink('/', join(workspace, 'root'));
    const before = await readdir(place.dataDirectory);
    for (const path of [
      '../../../secret.txt',
      '../../etc/passwd',
      '/etc/passwd',
      outside,
      'link.txt',
      'up/secret.txt',
      'root/etc/passwd',
      './../x',
      'a/../../x',
      '',
      '/',
      '..',
      '.',
      'x'.repeat(5_000),
      'a\\..\\..\\x',
      'file:///etc/passwd',
      '/proc/self/environ',
      '%2e%2e/secret.txt',
    ]) {
      const read = await tool('read_file', { path });
      assert.equal(read.tool_status, 'error', `read ${path}`);
      assert.doesNotMatch(JSON.stringify(read.result), /the secret|root:x:|PATH=/, path);
      if (/[%\\]|^file/.test(path)) continue;
      assert.equal((await tool('write_file', { path, content: 'overwritten' })).tool_status, 'error', `write ${path}`);
      assert.equal(
        (await tool('edit_file', { path, old_text: 'the', new_text: 'no' })).tool_status,
        'error',
        `edit ${path}`,
      );
    }
    for (const pattern of ['../**', '/etc/*', '**/passwd', 'up/**', 'root/etc/*'])
      assert.doesNotMatch(JSON.stringify(await tool('glob_files', { pattern })), /secret|passwd"|shadow/, pattern);
    assert.equal(await readFile(outside, 'utf8'), 'the secret');
    assert.deepEqual(await readdir(place.dataDirectory), before);
  });

  it('of every kind has left the server answering', async () => {
    const answer = (await answerOf(send('execute', { body: { task: 'What is 6 * 7?' } }))) as {
      status: string;
      result: string;
    };
    assert.equal(answer.status, 'completed');
    assert.match(answer.result, /42/);
  });
});

/** The error in an answer, whichever protocol's shape it has. */
function errorIn(response: Response, text: string): ErrorBody {
  const ids = { request_id: response.headers.get('x-request-id')!, trace_id: '', duration_ms: 0, service: '' };
  if (response.headers.get('content-type')!.startsWith('text/plain'))
    return { ...ids, error: text, code: '', details: [{ path: /^[\w.]*/.exec(text)![0], message: text }] };
  const body = JSON.parse(text) as unknown;
  const rpc = JsonRpcError.strict().safeParse(body);
  if (rpc.success)
    return { ...ids, code: '', details: [], error: rpc.data.error.message, ...(rpc.data.error.data as object) };
  const foreign = OpenAiError.strict().safeParse(body);
  if (!foreign.success) return ErrorBody.strict().parse(body);
  const { message, code, param } = foreign.data.error;
  return { ...ids, error: message, code: code ?? '', ...(param !== null && { details: [{ path: param, message }] }) };
}

async function answerOf(answer: Promise<Response>): Promise<unknown> {
  const response = await answer;
  assert.ok(response.ok, await response.clone().text());
  return response.json();
}

/** The body with the value at the path. Where two fields exclude each other, the other one goes. */
function withValue(body: object, path: Path, value: unknown): Json {
  const others = ['task', 'prompt', 'message'].filter((name) => name !== path[0]);
  const kept =
    path[0] === 'task' || path[0] === 'prompt' || path[0] === 'message'
      ? Object.entries(body).filter(([name]) => !others.includes(name))
      : Object.entries(body);
  return put(Object.fromEntries(kept), path, value) as Json;
}

function put(into: unknown, [key, ...deeper]: Path, value: unknown): unknown {
  if (key === undefined) return value;
  if (typeof key === 'number') return [put(Array.isArray(into) ? into[0] : undefined, deeper, value)];
  return { ...(into as Json | undefined), [key]: put((into as Json | undefined)?.[key], deeper, value) };
}

/** True where some string, or some name, inside is or contains the text. */
function holds(value: unknown, text: string): boolean {
  if (typeof value === 'string') return value.includes(text) || value.includes(JSON.stringify(text).slice(1, -1));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => key.includes(text) || holds(inner, text));
}

/** True where something inside equals the value. */
function holdsValue(inside: unknown, value: unknown): boolean {
  if (isDeepStrictEqual(inside, value)) return true;
  return (
    typeof inside === 'object' && inside !== null && Object.values(inside).some((inner) => holdsValue(inner, value))
  );
}
