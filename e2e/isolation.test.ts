// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes, type Route } from '@reeve/contract';
import { newId } from '@reeve/kit';
import WebSocket from 'ws';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

/*
 * Two tenants, and every route there is. Alpha has one of everything, each with a word in it that is nowhere else. Beta then asks
 * every route: for lists and figures, for what is Alpha's by its id, and to make things that refer to it. It must find no trace of
 * Alpha's, be told the same as of what does not exist, and change nothing. A route that is not in the table below fails the suite.
 */
const SECRET = 'a-secret-of-this-test';
const WORD = `quetzal${newId().slice(-12)}`;
const TOOL_QUESTION = 'write it down';
/** How long a live stream is listened to. */
const LISTEN_MS = 1_500;

type RouteName = keyof typeof routes;
type Json = Record<string, unknown>;

interface Asking {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What Beta asks of a route, and what it must be told. */
type Check =
  /** It names what is Alpha's: the same failure as for an id that nothing has. */
  | { readonly absent: readonly Asking[] }
  /** It is answered, without a trace of Alpha. */
  | { readonly blind: readonly Asking[] }
  /** It is refused, whoever asks for whatever. */
  | { readonly refused: readonly Asking[]; readonly status: number };

/** Ids of what Alpha has, by what it is. */
type Planted = Readonly<
  Record<
    | 'agent'
    | 'slug'
    | 'session'
    | 'chat'
    | 'run'
    | 'response'
    | 'task'
    | 'question'
    | 'approval'
    | 'workflow'
    | 'schedule'
    | 'memory'
    | 'key'
    | 'mcpServer'
    | 'persona'
    | 'personaSlug'
    | 'document'
    | 'playbook'
    | 'tenant',
    string
  >
>;

const table: Readonly<Record<RouteName, Route>> = { ...routes };
const nothing: Check = { blind: [{}] };
const message = (method: string, params: Json) => ({ jsonrpc: '2.0', id: 1, method, params });
const callOf = (name: string, args: Json) => message('tools/call', { name, arguments: args });
const asksFor = (agent: string, more: Json = {}) => ({ agent, timeout_ms: 20_000, ...more });

function checksOf(alpha: Planted): Readonly<Record<RouteName, Check>> {
  const one = (id: string, more: Omit<Asking, 'params'> = {}): Check => ({ absent: [{ params: { id }, ...more }] });
  const page = { limit: '200' };
  const list = (...queries: Readonly<Record<string, string>>[]): Check => ({
    blind: [{ query: page }, ...queries.map((query) => ({ query }))],
  });
  const door = (body: (agent: string | undefined, session: string) => Json): Check => ({
    absent: [{ body: body(alpha.slug, newId()) }, { body: body(alpha.agent, newId()) }],
  });
  const inBase = (more: Omit<Asking, 'params'> = {}): Check => ({
    absent: [{ params: { id: alpha.persona, kb: 'Domain-KB', document_id: alpha.document }, ...more }],
  });
  const task = { agent_id: 'assistant', task_type: 'query', title: 'of Beta' };
  const said = [{ role: 'user', content: 'hello' }];
  return {
    // Nothing of a tenant is in these.
    getDocs: nothing,
    getHealth: nothing,
    getLive: nothing,
    getMetrics: nothing,
    getOpenApi: nothing,
    getReady: nothing,
    getVersion: nothing,
    listScheduleTypes: nothing,
    listTools: nothing,
    // Skills are those of the server.
    listSkills: list(),
    getSkill: { blind: [{ params: { name: 'code' } }] },

    echo: { blind: [{ body: { ping: 'hello' } }] },
    getDashboardData: nothing,
    getSettings: nothing,
    putSettings: {
      absent: [alpha.slug, alpha.agent].map((agent) => ({ body: { settings: { REEVE_DEFAULT_AGENT: agent } } })),
    },
    createAgent: { blind: [{ body: { name: 'of Beta' } }] },
    listAgents: list({ q: WORD }),
    getAgent: { absent: [{ params: { id: alpha.agent } }] },
    updateAgent: one(alpha.agent, { body: { description: 'mine now' } }),
    deleteAgent: one(alpha.agent),
    listAgentVersions: one(alpha.agent),
    restoreAgentVersion: { absent: [{ params: { id: alpha.agent, version: '1' } }] },

    execute: door((agent) => ({ task: 'hello', ...asksFor(agent!) })),
    run: door((agent) => ({ prompt: 'hello', ...asksFor(agent!) })),
    plan: door((agent) => ({ prompt: 'hello', ...asksFor(agent!) })),
    planV1: door((agent) => ({ prompt: 'hello', ...asksFor(agent!) })),
    query: {
      absent: [{ body: { message: 'hello', agent_config_id: alpha.agent } }],
    },
    chat: { absent: [{ body: { message: 'hello', agent_config_id: alpha.agent, stream: false } }] },
    createChatCompletion: { absent: [{ body: { model: `agent/${alpha.agent}`, messages: said } }] },
    createResponse: {
      absent: [
        { body: { model: `agent/${alpha.agent}`, input: 'hello' } },
        { body: { model: 'agent/assistant', input: 'hello', previous_response_id: alpha.response } },
      ],
    },
    uiChat: {
      blind: [{ body: { id: alpha.chat, messages: [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }] } }],
    },
    resumeUiChat: { blind: [{ params: { id: newId() } }] },
    companion: { blind: [{ query: {} }] },
    listModels: nothing,
    // Nothing of a tenant is in it; this server has no embedding model.
    createEmbeddings: { refused: [{ body: { input: 'hello' } }], status: 400 },
    getModel: { absent: [{ params: { id: alpha.agent } }] },
    getModelOf: { absent: [{ params: { owner: 'agent', id: alpha.agent } }] },
    getResponse: one(alpha.response),
    cancelResponse: one(alpha.response),

    listRuns: list({ agent_id: alpha.agent }, { session_id: alpha.session }),
    getRun: one(alpha.run),
    listSteps: one(alpha.run),
    streamRun: one(alpha.run),
    cancelRun: one(alpha.run),
    forkRun: one(alpha.run, { body: { from_step: 1 } }),

    createTask: {
      absent: [{ body: { ...task, agent_id: alpha.agent } }, { body: { ...task, depends_on: [alpha.task] } }],
    },
    createTaskBatch: { absent: [{ body: { tasks: [task, { ...task, depends_on: [alpha.task] }] } }] },
    createWorkflow: { absent: [{ body: { title: 'of Beta', tasks: [{ key: 'a', ...task, agent_id: alpha.agent }] } }] },
    listTasks: list({ q: WORD }, { agent_id: alpha.slug }, { session_id: alpha.session }),
    getTask: one(alpha.task),
    getTaskStats: nothing,
    streamTask: one(alpha.task),
    streamTasks: nothing,
    watchTasks: nothing,
    cancelTask: one(alpha.task),
    retryTask: one(alpha.task),
    decideTask: one(alpha.question, { body: { decision: 'approve' } }),
    listPendingApproval: list(),
    listWorkflows: list(),
    getWorkflow: one(alpha.workflow),
    cancelWorkflow: one(alpha.workflow),
    listApprovals: list({ status: 'pending' }),
    getApproval: one(alpha.approval),
    decideApproval: one(alpha.approval, { body: { decision: 'approve' } }),
    listPolicies: list(),
    putPolicy: { refused: [{ body: { task_type: 'theirs', auto_execute: false, tenant: alpha.tenant } }], status: 403 },
    deletePolicy: { refused: [{ params: { task_type: 'theirs' }, query: { tenant: alpha.tenant } }], status: 403 },
    listLimits: list(),
    putLimit: { absent: [{ body: { agent_id: alpha.agent, max_running: 1 } }] },
    listSchedules: list(),
    createSchedule: { absent: [{ body: { ...task, agent_id: alpha.agent, cron: '0 8 * * *' } }] },
    getSchedule: one(alpha.schedule),
    updateSchedule: one(alpha.schedule, { body: { title: 'mine now' } }),
    deleteSchedule: one(alpha.schedule),
    runDueSchedules: { blind: [{ body: { dry_run: true } }] },

    listJournal: list({ task_id: alpha.task }, { agent_id: alpha.slug }),
    listMemoryEvents: list({ task_id: alpha.task }),
    listSessions: list({ q: WORD }),
    getSession: one(alpha.session),
    exportSession: one(alpha.session),
    renameSession: one(alpha.session, { body: { title: 'mine now' } }),
    deleteSession: one(alpha.session),
    listFiles: {
      blind: [{ params: { id: alpha.session } }],
      absent: [{ params: { id: alpha.session }, query: { path: 'd' } }],
    },
    getWorkspaceUsage: { blind: [{ params: { id: alpha.session } }] },
    downloadFile: one(alpha.session, { query: { path: 'd/a.txt' } }),
    downloadWorkspace: one(alpha.session),
    deleteFile: one(alpha.session, { query: { path: 'd/a.txt' } }),
    // A file of Beta's own, in a session of the same id.
    uploadFile: { blind: [{ params: { id: alpha.session }, query: { path: 'd/a.txt' } }] },
    getLatestMemory: { absent: [{ query: { session_id: alpha.session } }] },
    storeMemory: { blind: [{ body: { session_id: newId(), history: said } }] },
    importSession: { blind: [{ body: { messages: said } }] },
    remember: { blind: [{ body: { text: 'something else' } }] },
    recall: {
      blind: [{ body: { query: WORD } }, { body: { query: `what about ${WORD} and its friends`, top_k: 50 } }],
      absent: [{ body: { query: WORD, persona_id: alpha.personaSlug } }],
    },
    listMemories: list(),
    proposeMemoryCleanup: list({ after: '00000000-0000-7000-8000-000000000000' }),
    exportMemories: { blind: [{}], absent: [{ query: { persona_id: alpha.persona } }] },
    // Of Beta's own; a persona of Alpha's is none of its.
    deleteMemories: { blind: [{ query: { all: 'true' } }], absent: [{ query: { persona_id: alpha.personaSlug } }] },
    getMemory: one(alpha.memory),
    updateMemory: one(alpha.memory, { body: { text: 'mine now' } }),
    deleteMemory: one(alpha.memory),
    listPersonas: list({ q: WORD }),
    createPersona: { blind: [{ body: { name: 'of Beta' } }] },
    getPersona: { absent: [{ params: { id: alpha.persona } }, { params: { id: alpha.personaSlug } }] },
    updatePersona: one(alpha.persona, { body: { name: 'mine now' } }),
    deletePersona: one(alpha.persona),
    addDocument: inBase({ body: { text: 'of Beta' } }),
    listDocuments: inBase(),
    getDocument: inBase(),
    listChunks: inBase(),
    deleteDocument: inBase(),
    searchKnowledge: inBase({ body: { query: WORD } }),
    storePlaybook: {
      absent: [
        { body: { session_id: newId(), prompt: WORD, history_sequence: [{ tool: 'x' }], persona_id: alpha.persona } },
      ],
    },
    listPlaybooks: list(),
    deletePlaybook: one(alpha.playbook),
    getRagContext: {
      absent: [
        { body: { query: WORD, persona_id: alpha.persona } },
        { body: { query: WORD, persona_id: alpha.personaSlug } },
      ],
    },
    executeTool: {
      blind: [
        { body: { tool_name: 'recall', args: { query: WORD } } },
        { body: { tool_name: 'forget', args: { id: alpha.memory } } },
        { body: { tool_name: 'glob_files', args: { pattern: '**/*' }, session_id: newId() } },
      ],
    },

    getUsage: list({ group_by: 'agent' }, { group_by: 'model' }, { group_by: 'persona' }),
    listModelCalls: list(),
    listBudgets: list(),
    putBudget: { absent: [{ body: { scope: 'run', ref: alpha.run, limit_tokens: 1 } }] },

    listKeys: list(),
    createKey: { blind: [{ body: { name: 'of Beta', role: 'viewer' } }] },
    rotateKey: one(alpha.key, { body: { grace_seconds: 60 } }),
    revokeKey: one(alpha.key),
    listAudit: list({ trace_id: WORD }, { actor: WORD }),
    verifyAudit: nothing,
    exportAudit: nothing,

    listMcpServers: list(),
    createMcpServer: { blind: [{ body: { name: 'lab', url: 'https://mcp.invalid/', enabled: false } }] },
    getMcpServer: one(alpha.mcpServer),
    updateMcpServer: one(alpha.mcpServer, { body: { name: 'mine-now' } }),
    deleteMcpServer: one(alpha.mcpServer),
    testMcpServer: one(alpha.mcpServer),
    listMcpTools: one(alpha.mcpServer),
    mcp: {
      blind: [
        { body: message('tools/list', {}) },
        { body: callOf('list_agents', { q: WORD }) },
        { body: callOf('list_tasks', { q: WORD }) },
        { body: callOf('recall', { query: WORD }) },
        { body: callOf('forget', { id: alpha.memory }) },
        { body: callOf('get_run', { run_id: alpha.run }) },
        { body: callOf('cancel_run', { run_id: alpha.run }) },
        { body: callOf('get_task', { task_id: alpha.task }) },
        { body: callOf('cancel_task', { task_id: alpha.task }) },
        { body: callOf(`agent__${alpha.slug}`, { message: 'hello' }) },
        { body: callOf('run_agent', { agent: alpha.slug, message: 'hello' }) },
      ],
    },

    listTenants: list(),
    getTenant: one(alpha.tenant),
    createTenant: {
      refused: [{ body: { id: alpha.tenant, name: 'mine' } }, { body: { id: 'gamma', name: 'x' } }],
      status: 403,
    },
    updateTenant: one(alpha.tenant, { body: { name: 'mine now' } }),
    putTenantOverrides: one(alpha.tenant, { body: {} }),
    deleteTenantOverrides: one(alpha.tenant),
  };
}

describe('what is one tenant’s', { timeout: 300_000 }, () => {
  let upstream: FakeUpstream;
  let reeve: Reeve;
  let alpha: Planted;

  before(async () => {
    upstream = await startFakeUpstream();
    upstream.respond(({ messages }) => {
      const last = messages.at(-1);
      if (last?.role === 'user' && last.text.includes(TOOL_QUESTION))
        return { toolCalls: [{ name: 'write_file', input: { path: 'a.txt', content: WORD } }] };
      return { text: [`I heard: ${last?.text ?? ''}`] };
    });
    reeve = await startReeve({ ...upstream.environment, REEVE_INTERNAL_SECRET: SECRET });
    alpha = await plant();
  });
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  it('is checked on every route', () => {
    assert.deepEqual(
      Object.keys(table).filter((name) => !(name in checksOf(alpha))),
      [],
    );
  });

  for (const [name, route] of Object.entries(table) as [RouteName, Route][]) {
    it(`is another’s on ${route.method} ${route.path}`, async () => {
      const check = checksOf(alpha)[name];
      if ('absent' in check) for (const asking of check.absent) await requireAbsent(name, asking);
      if ('blind' in check) for (const asking of check.blind) await requireBlind(name, asking);
      if ('refused' in check)
        for (const asking of check.refused) {
          const { status, text } = await ask('beta', name, asking);
          assert.equal(status, check.status, text);
          requireNoTrace(text, asking);
        }
    });
  }

  it('does not keep others from names of their own', async () => {
    const { status, text } = await ask('beta', 'createAgent', { body: { name: 'The same name', slug: alpha.slug } });
    assert.equal(status, 201, text);
  });

  it('is as it was after all that', async () => {
    const still = async (name: RouteName, asking: Asking) => {
      const { status, text } = await ask('alpha', name, asking);
      assert.equal(status, 200, `${name}: ${text}`);
      assert.doesNotMatch(text, /mine now/, name);
      return JSON.parse(text) as Json;
    };
    const by = (id: string) => ({ params: { id } });
    for (const [name, id] of [
      ['getAgent', alpha.agent],
      ['getRun', alpha.run],
      ['getSession', alpha.session],
      ['getSchedule', alpha.schedule],
      ['getWorkflow', alpha.workflow],
      ['getResponse', alpha.response],
      ['getMcpServer', alpha.mcpServer],
      ['getPersona', alpha.persona],
    ] as const)
      await still(name, by(id));
    assert.equal((await still('getApproval', by(alpha.approval)))['status'], 'pending');
    const task = (await still('getTask', by(alpha.question)))['task'] as Json;
    assert.deepEqual([task['status'], task['waiting_for']], ['pending', 'approval']);
    const { matches, memories = matches } = await still('recall', { body: { query: WORD } });
    assert.ok(JSON.stringify(memories).includes(alpha.memory));
    const file = await ask('alpha', 'downloadFile', { params: { id: alpha.session }, query: { path: 'd/a.txt' } });
    assert.equal(file.text, JSON.stringify(WORD));
  });

  /** One of everything, each with the word in it. */
  async function plant(): Promise<Planted> {
    const made = async (name: RouteName, asking: Asking) => {
      const { status, text } = await ask('alpha', name, asking);
      assert.ok(status < 300, `${name}: ${status} ${text}`);
      return JSON.parse(text) as Json & { id: string };
    };
    const agent = await made('createAgent', {
      body: {
        name: `Agent ${WORD}`,
        slug: `agent-${WORD}`,
        description: WORD,
        system_prompt: WORD,
        tools: ['write_file'],
        approvals: ['write_file'],
      },
    });
    const slug = `agent-${WORD}`;
    const answered = await made('query', { body: { message: `say ${WORD}`, agent_config_id: agent.id } });
    const file = { params: { id: answered['session_id'] as string }, query: { path: 'd/a.txt' } };
    await made('uploadFile', { ...file, body: WORD });
    const chat = `chat-${WORD}`;
    const uiMessage = { id: 'm1', role: 'user', parts: [{ type: 'text', text: `say ${WORD}` }] };
    const talked = await ask('alpha', 'uiChat', { body: { id: chat, messages: [uiMessage] } });
    assert.equal(talked.status, 200);
    const response = await made('createResponse', { body: { model: `agent/${slug}`, input: `say ${WORD}` } });
    await ask('alpha', 'chat', {
      body: { agent_config_id: slug, message: `${TOOL_QUESTION} ${WORD}`, stream: false, timeout_ms: 1_500 },
    });
    const task = { agent_id: slug, task_type: 'query', title: `Task ${WORD}`, payload: { word: WORD } };
    const asked = (await made('createTask', { body: { ...task, requires_approval: true } }))['task'] as { id: string };
    const later = (await made('createTask', { body: { ...task, run_at: '2099-01-01T00:00:00Z' } }))['task'] as {
      id: string;
    };
    const workflow = await made('createWorkflow', {
      body: { title: `Workflow ${WORD}`, tasks: [{ key: WORD, ...task, run_at: '2099-01-01T00:00:00Z' }] },
    });
    const { payload: config, ...rest } = task;
    const schedule = await made('createSchedule', { body: { ...rest, config, cron: '0 8 1 1 *' } });
    const memory = await made('remember', { body: { text: `the ${WORD} likes rain`, tags: [WORD] } });
    await made('putPolicy', { body: { task_type: `type-${WORD}`, auto_execute: false, tenant: 'alpha' } });
    await made('putLimit', { body: { agent_id: slug, max_running: 3 } });
    await made('putBudget', { body: { scope: 'agent', ref: slug, limit_tokens: 1_000_000_000 } });
    const key = await made('createKey', { body: { name: `Key ${WORD}`, role: 'viewer' } });
    const persona = await made('createPersona', { body: { name: WORD, description: WORD } });
    const document = await made('addDocument', {
      params: { id: persona.id, kb: 'Domain-KB' },
      body: { text: `What ${WORD} likes: rain`, title: WORD, source: WORD, tags: [WORD] },
    });
    const playbook = await made('storePlaybook', {
      body: {
        session_id: newId(),
        prompt: WORD,
        history_sequence: [{ tool: 'calculator', args: { expression: WORD } }],
      },
    });
    const mcpServer = await made('createMcpServer', {
      body: { name: WORD, url: `https://${WORD}.invalid/`, headers: { authorization: WORD }, enabled: false },
    });
    const { approvals } = await made('listApprovals', { query: { status: 'pending' } });
    const question = (approvals as { id: string; kind?: string; task_id: string }[]).find(
      ({ task_id }) => task_id !== asked.id,
    )!;
    return {
      agent: agent.id,
      slug,
      session: answered['session_id'] as string,
      chat,
      run: answered['run_id'] as string,
      response: response.id,
      task: later.id,
      question: asked.id,
      approval: question.id,
      workflow: (workflow['workflow'] as { id?: string } | undefined)?.id ?? workflow.id,
      schedule: schedule.id,
      memory: memory.id,
      key: key.id,
      mcpServer: mcpServer.id,
      persona: persona.id,
      personaSlug: WORD,
      document: document.id,
      playbook: playbook.id,
      tenant: 'alpha',
    };
  }

  /** The answer to what names something of Alpha’s must be that to what names nothing. */
  async function requireAbsent(name: RouteName, asking: Asking): Promise<void> {
    const theirs = await ask('beta', name, asking);
    const [sent, renamed] = [JSON.stringify(asking), JSON.stringify(asking, (_, value: unknown) => strangerOf(value))];
    assert.notEqual(renamed, sent, `${name} names nothing of Alpha’s`);
    const nobodys = await ask('beta', name, JSON.parse(renamed) as Asking);
    assert.ok([400, 403, 404].includes(theirs.status), `${name}: ${theirs.status} ${theirs.text}`);
    requireNoTrace(theirs.text, asking);
    assert.deepEqual([theirs.status, plain(theirs.text)], [nobodys.status, plain(nobodys.text)], name);
  }

  /** The same name for each of Alpha’s, which nothing has. */
  function strangerOf(value: unknown): unknown {
    if (typeof value !== 'string') return value;
    for (const id of Object.values(alpha)) {
      if (value === id || value === `agent/${id}`) {
        const other = /^[0-9a-f-]{36}$/.test(id)
          ? newId()
          : /^resp_/.test(id)
            ? `resp_${newId().replaceAll('-', '')}`
            : id.replace(/.{4}$/, 'none');
        return value.replace(id, other);
      }
    }
    return value;
  }

  /** Without the names that the two askings differ in, and those of the request itself. */
  function plain(text: string): string {
    return text
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}/g, 'id')
      .replaceAll(alpha.slug, 'name')
      .replaceAll(alpha.slug.replace(/.{4}$/, 'none'), 'name')
      .replaceAll(alpha.personaSlug, 'name')
      .replaceAll(alpha.personaSlug.replace(/.{4}$/, 'none'), 'name')
      .replaceAll('alpha', 'name')
      .replaceAll('anone', 'name')
      .replace(/"duration_ms":\d+/, '"duration_ms":0')
      .replace(/"(created|created_at)":\d+/, '"created":0');
  }

  async function requireBlind(name: RouteName, asking: Asking): Promise<void> {
    const { status, text } = await ask('beta', name, asking);
    assert.ok(status < 300, `${name}: ${status} ${text}`);
    requireNoTrace(text, asking);
  }

  /** Nothing of Alpha’s in an answer but what the question named itself. */
  function requireNoTrace(text: string, asking: Asking): void {
    const asked = JSON.stringify(asking);
    for (const [what, id] of Object.entries(alpha))
      if (what !== 'tenant' && !asked.includes(id))
        assert.ok(!text.includes(id), `the ${what} is in ${text.slice(0, 500)}`);
    if (!asked.includes(WORD)) assert.ok(!text.includes(WORD), text.slice(0, 500));
    else if (!asked.includes(alpha.slug))
      assert.ok(!/likes rain|Task quetzal|Agent quetzal/.test(text), text.slice(0, 500));
  }

  /** A whole answer; of a stream that does not end what it says in a while, during which Alpha is busy. */
  async function ask(tenant: 'alpha' | 'beta', name: RouteName, { params = {}, query = {}, body }: Asking) {
    const route = table[name];
    const path = route.path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(params[key] ?? ''));
    const url = new URL(path, reeve.url);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    const headers = {
      'x-internal-service': 'true',
      'x-internal-service-secret': SECRET,
      'x-tenant-id': tenant,
      accept: 'application/json, text/event-stream',
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    if (route.frames !== undefined) return listen(url, headers);
    const response = await fetch(url, {
      method: route.method,
      headers,
      ...((body !== undefined || route.uploads !== undefined) && { body: JSON.stringify(body ?? 'of Beta') }),
    });
    if (name !== 'streamTasks') return { status: response.status, text: await response.text() };
    const reader = response.body!.getReader();
    const late = setTimeout(() => void reader.cancel(), LISTEN_MS);
    await bustle();
    let text = '';
    for (let part = await reader.read(); !part.done; part = await reader.read())
      text += Buffer.from(part.value).toString();
    clearTimeout(late);
    return { status: response.status, text };
  }

  async function listen(url: URL, headers: Record<string, string>): Promise<{ status: number; text: string }> {
    url.protocol = 'ws:';
    const socket = new WebSocket(url, { headers });
    let text = '';
    socket.on('message', (data: Buffer) => (text += data.toString()));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    await bustle();
    await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
    socket.close();
    return { status: 101, text };
  }

  async function bustle(): Promise<void> {
    const body = { agent_id: alpha.slug, task_type: 'query', title: `Task ${WORD}` };
    assert.equal((await ask('alpha', 'createTask', { body })).status, 201);
  }
});
