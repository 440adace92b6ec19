import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createClient, type Client as Ours } from '@reeve/client';
import { attachmentsOf, routes } from '@reeve/contract';
import { DRAWING, startMcpServer, type TestMcpServer } from '@reeve/testing/mcp-server';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

const SECRET = 'internal-secret';
type Json = Record<string, unknown>;

describe('MCP', { timeout: 240_000 }, () => {
  let upstream: FakeUpstream;
  let reeve: Reeve;
  let remote: TestMcpServer;
  let ours: Ours;
  before(async () => {
    upstream = await startFakeUpstream();
    remote = await startMcpServer();
    reeve = await startReeve({
      ...upstream.environment,
      REEVE_API_KEY: 'rv_administrator',
      REEVE_INTERNAL_SECRET: SECRET,
      REEVE_ALLOW_PRIVATE_URLS: '127.0.0.1',
    });
    ours = createClient({ baseUrl: reeve.url, apiKey: 'rv_administrator' });
  });
  beforeEach(() => upstream.reset());
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await remote[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  async function connect(mode: 'legacy' | 'auto', apiKey = 'rv_administrator') {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    const headers = { authorization: `Bearer ${apiKey}` };
    await client.connect(new StreamableHTTPClientTransport(new URL(`${reeve.url}/mcp`), { requestInit: { headers } }));
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
  }
  async function call(client: Client, name: string, args: Json = {}) {
    const { structuredContent, isError = false } = await client.callTool({ name, arguments: args });
    return { isError, ...(structuredContent as Json) } as Json;
  }

  for (const mode of ['auto', 'legacy'] as const) {
    it(`serves the official client, ${mode === 'auto' ? '2026-07-28' : '2025-11-25'}: agents, runs, tasks and memory`, async () => {
      await using client = await connect(mode);
      assert.equal(client.getNegotiatedProtocolVersion(), mode === 'auto' ? '2026-07-28' : '2025-11-25');
      assert.equal(client.getServerVersion()?.name, 'reeve');
      const { tools } = await client.listTools();
      const names = tools.map(({ name }) => name);
      for (const name of [
        'agent__assistant',
        'run_agent',
        'get_run',
        'create_task',
        'list_tasks',
        'remember',
        'recall',
        'forget',
      ])
        assert.ok(names.includes(name), name);
      assert.deepEqual(
        tools.filter(({ annotations }) => annotations?.readOnlyHint).map(({ name }) => name),
        ['list_agents', 'get_run', 'list_tasks', 'get_task', 'recall'],
      );
      upstream.respond(() => ({ text: ['forty-two'] }));
      const ran = await call(client, 'agent__assistant', { message: 'what is it' });
      assert.deepEqual([ran['isError'], ran['status'], ran['result']], [false, 'completed', 'forty-two']);
      const run = await ours.call(routes.getRun, { params: { id: ran['run_id'] as string } });
      assert.deepEqual([run.door, run.result, run.tenant_id], ['mcp', 'forty-two', 'default']);
      const next = await call(client, 'run_agent', { message: 'and now', session_id: ran['session_id'] });
      assert.equal(next['session_id'], ran['session_id']);
      const told = (await call(client, 'get_run', { run_id: next['run_id'] }))['run'] as Json;
      assert.equal(told['status'], 'completed');
      const task = (
        await call(client, 'create_task', { agent_id: 'assistant', task_type: 'query', title: `by ${mode}` })
      )['task'] as Json;
      const found = (await call(client, 'list_tasks', { q: `by ${mode}` }))['tasks'] as Json[];
      assert.deepEqual(
        found.map(({ id }) => id),
        [task['id']],
      );
      const stored = await call(client, 'remember', { text: `the ${mode} heron likes rain` });
      const matches = (await call(client, 'recall', { query: `${mode} heron` }))['matches'] as Json[];
      assert.ok(matches.some(({ id }) => id === stored['id']));
      assert.equal((await call(client, 'forget', { id: stored['id'] }))['forgotten'], true);
      assert.equal((await call(client, 'forget', { id: stored['id'] }))['code'], 'not_found');
      const missing = await call(client, 'run_agent', { agent: 'nobody', message: 'x' });
      assert.deepEqual([missing['isError'], missing['code']], [true, 'unknown_agent']);
      const wrong = await client.callTool({ name: 'run_agent', arguments: { message: 7 } });
      assert.equal(wrong.isError, true);
    });
  }

  for (const mode of ['auto', 'legacy'] as const)
    it(`lets ${mode === 'auto' ? 'today’s' : 'older'} clients read files of sessions and documents, and use skills as prompts`, async () => {
      await using client = await connect(mode);
      const slug = `reader-${mode}`;
      const { id: persona } = await ours.call(routes.createPersona, { body: { name: slug, slug } });
      const knowledge_base = 'Domain-KB' as const;
      const document = await ours.call(routes.addDocument, {
        params: { id: persona, kb: knowledge_base },
        body: { text: '# Herons\n\nThey like rain.', title: 'Birds' },
      });
      upstream.respond(() => ({ text: ['ok'] }));
      const ran = await call(client, 'run_agent', { message: `files of ${mode}` });
      const id = ran['session_id'] as string;
      const put = (path: string, content: string | Uint8Array<ArrayBuffer>) =>
        ours.call(routes.uploadFile, { params: { id }, query: { path }, upload: new Blob([content]) });
      await put('plan for today.md', '# Rest');
      await put('in/raw.bin', new Uint8Array([0, 255]));

      const { resources } = await client.listResources();
      const plan = resources.find(({ name }) => name === 'plan for today.md');
      const birds = resources.find(({ uri }) => uri.endsWith(document.id));
      assert.equal(birds?.name, 'Birds');
      const read = async (uri: string) => (await client.readResource({ uri })).contents[0] as Json;
      assert.equal((await read(plan!.uri))['text'], '# Rest');
      assert.match(String((await read(birds.uri))['text']), /They like rain\./);
      assert.equal((await read(`reeve://sessions/${id}/files/in/raw.bin`))['blob'], 'AP8=');
      for (const uri of [
        `reeve://sessions/${id}/files/none`,
        `reeve://sessions/${id}/files/..%2F..%2Fetc%2Fpasswd`,
        `reeve://sessions/${crypto.randomUUID()}/files/x`,
        `reeve://personas/${slug}/Domain-KB/documents/${crypto.randomUUID()}`,
        `reeve://personas/nobody/Domain-KB/documents/${document.id}`,
        `reeve://personas/${slug}/No-KB/documents/${document.id}`,
      ])
        await assert.rejects(
          client.readResource({ uri }),
          /there is no|does not exist|inside the workspace|not found/i,
          uri,
        );

      const { resourceTemplates } = await client.listResourceTemplates();
      assert.deepEqual(
        resourceTemplates.map(({ name }) => name),
        ['session-file', 'document'],
      );
      const complete = async (uri: string, name: string, value: string, args: Record<string, string> = {}) => {
        const found = await client.complete({
          ref: { type: 'ref/resource', uri },
          argument: { name, value },
          context: { arguments: args },
        });
        return found.completion.values;
      };
      const [file, text] = resourceTemplates.map(({ uriTemplate }) => uriTemplate);
      assert.deepEqual(await complete(file!, 'session_id', id), [id]);
      assert.deepEqual(await complete(file!, 'path', 'in', { session_id: id }), ['in/']);
      assert.deepEqual(await complete(file!, 'path', 'in/r', { session_id: id }), ['in/raw.bin']);
      assert.deepEqual(await complete(text!, 'persona', slug), [slug]);
      assert.deepEqual(await complete(text!, 'knowledge_base', 'Do'), ['Domain-KB']);
      assert.deepEqual(await complete(text!, 'document_id', '', { persona: slug }), [document.id]);

      const { prompts } = await client.listPrompts();
      const skill = (await ours.call(routes.listSkills)).skills[0]!;
      assert.equal(prompts.find(({ name }) => name === skill.name)?.description, skill.description);
      const { messages } = await client.getPrompt({ name: skill.name, arguments: { task: 'Do it now.' } });
      assert.match((messages[0]!.content as { text: string }).text, /\n\nDo it now\.$/);
      await assert.rejects(client.getPrompt({ name: 'no-such-skill' }));
    });

  it('goes on with a run that takes longer than its caller waits, and stops it when it is told to', async () => {
    await using client = await connect('auto');
    upstream.respond(() => ({ text: ['slow'], delayMs: 20_000 }));
    const ran = await call(client, 'run_agent', { message: 'slowly', timeout_ms: 300 });
    assert.deepEqual([ran['isError'], ran['status']], [false, 'running']);
    const run_id = ran['run_id'];
    assert.equal(((await call(client, 'get_run', { run_id }))['run'] as Json)['status'], 'running');
    await call(client, 'cancel_run', { run_id });
    const until = Date.now() + 10_000;
    while (((await call(client, 'get_run', { run_id }))['run'] as Json)['status'] !== 'cancelled')
      assert.ok(Date.now() < until);
  });

  it('is refused without a credential, and offers a role what its routes allow it', async () => {
    await assert.rejects(connect('auto', 'rv_wrong'));
    const viewer = await ours.call(routes.createKey, { body: { name: 'viewer', role: 'viewer' } });
    await using client = await connect('auto', viewer.secret!);
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map(({ name }) => name).sort(), [
      'get_run',
      'get_task',
      'list_agents',
      'list_tasks',
      'recall',
    ]);
    await assert.rejects(client.callTool({ name: 'agent__assistant', arguments: { message: 'x' } }), /not found/i);
  });

  it('answers what is no message, and what is not of this protocol, as JSON-RPC or HTTP do', async () => {
    const send = (method: string, body?: string, headers: Record<string, string> = {}) =>
      fetch(`${reeve.url}/mcp`, {
        method,
        headers: {
          authorization: 'Bearer rv_administrator',
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...headers,
        },
        ...(body !== undefined && { body }),
      });
    const nonsense = await send('POST', '{}');
    assert.equal(nonsense.status, 400);
    assert.equal(((await nonsense.json()) as { error: { code: number } }).error.code, -32_600);
    assert.equal((await send('GET')).status, 405);
    assert.equal((await send('DELETE')).status, 405);
    const notified = await send('POST', JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
    assert.deepEqual([notified.status, await notified.text()], [202, '']);
    const listen = await send('POST', JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'no/such', params: {} }));
    assert.equal(((await listen.json()) as { error: { code: number } }).error.code, -32_601);
    const nobody = await send('POST', '{}', { authorization: 'Bearer rv_wrong' });
    assert.equal(nobody.status, 401);
    assert.ok(nobody.headers.get('www-authenticate')?.startsWith('Bearer'));
  });

  it('keeps what a tool draws as a file of the session', async () => {
    const { id } = await ours.call(routes.createMcpServer, { body: { name: 'studio', url: remote.url } });
    await ours.call(routes.createAgent, { body: { name: 'Artist', slug: 'artist', tools: ['mcp__studio__draw'] } });
    upstream.script([{ toolCalls: [{ name: 'mcp__studio__draw', input: {} }] }, { text: ['drawn'] }]);
    const answered = await ours.call(routes.chat, {
      body: { agent_config_id: 'artist', message: 'draw', stream: false },
    });
    // eslint-disable-next-line typescript/no-explicit-any
    const { session_id: sessionId, response } = answered as any;
    const [drawing, sound] = attachmentsOf(response.result.tool_calls[0].output);
    assert.deepEqual([drawing?.media_type, sound?.media_type], ['image/png', 'audio/wav']);
    assert.ok(JSON.stringify(upstream.requests.at(-1)!.body).includes(drawing!.path), 'the model knows its path');
    assert.equal(drawing!.session_id, sessionId);
    const content = await ours.bytes(routes.downloadFile, {
      params: { id: sessionId },
      query: { path: drawing!.path },
    });
    assert.deepEqual(Buffer.from(await content.arrayBuffer()), DRAWING);
    await ours.call(routes.deleteMcpServer, { params: { id } });
  });

  it('gives an agent the tools of a server, under the rules of its tenant', async () => {
    const { id } = await ours.call(routes.createMcpServer, { body: { name: 'lab', url: remote.url } });
    const { tools } = await ours.call(routes.listTools);
    assert.ok(tools.some(({ name, source }) => name === 'mcp__lab__put' && source === 'mcp:lab'));
    await ours.call(routes.createAgent, { body: { name: 'Lab', slug: 'lab', tools: ['mcp__lab__put'] } });
    const put = { toolCalls: [{ name: 'mcp__lab__put', input: { value: 7 } }] };
    upstream.script([put, { text: ['done'] }]);
    const answered = await ours.call(routes.chat, { body: { agent_config_id: 'lab', message: 'go', stream: false } });
    assert.deepEqual(
      // eslint-disable-next-line typescript/no-explicit-any
      (answered as any).response.result.tool_calls,
      [{ name: 'mcp__lab__put', input: { value: 7 }, output: { value: 7 } }],
    );
    const direct = await ours.call(routes.executeTool, { body: { tool_name: 'mcp__lab__put', args: { value: 8 } } });
    assert.deepEqual([direct.tool_status, direct.result], ['success', { value: 8 }]);
    const headers = { 'x-internal-service': 'true', 'x-internal-service-secret': SECRET, 'x-tenant-id': 'another' };
    const theirs = await (await fetch(`${reeve.url}/api/v1/tools`, { headers })).text();
    assert.ok(theirs.includes('calculator') && !theirs.includes('mcp__'), theirs);
    await ours.call(routes.putTenantOverrides, {
      params: { id: 'default' },
      body: { tools: { deny: ['mcp__lab__*'] } },
    });
    const denied = await ours.call(routes.executeTool, { body: { tool_name: 'mcp__lab__put', args: { value: 8 } } });
    assert.equal(denied.tool_status, 'denied');
    await ours.call(routes.putTenantOverrides, {
      params: { id: 'default' },
      body: { tools: { approve: ['mcp__lab__*'] } },
    });
    upstream.script([put, { text: ['asked first'] }]);
    const before = remote.seen.length;
    const body = { agent_config_id: 'lab', message: 'again', stream: false, timeout_ms: 1_000 };
    await assert.rejects(ours.call(routes.chat, { body }), { code: 'timeout' });
    assert.equal(remote.seen.length, before);
    const { approvals } = await ours.call(routes.listApprovals, { query: { status: 'pending' } });
    assert.deepEqual(
      approvals.map(({ tool }) => tool),
      ['mcp__lab__put'],
    );
    await ours.call(routes.decideApproval, { params: { id: approvals[0]!.id }, body: { decision: 'approve' } });
    const until = Date.now() + 20_000;
    for (;;) {
      const run = await ours.call(routes.getRun, { params: { id: approvals[0]!.run_id! } });
      if (run.status === 'completed') break;
      assert.ok(Date.now() < until, run.status);
    }
    assert.ok(remote.seen.length > before);
    await ours.call(routes.deleteMcpServer, { params: { id } });
    await assert.rejects(ours.call(routes.executeTool, { body: { tool_name: 'mcp__lab__put' } }), {
      code: 'unknown_tool',
    });
  });
});
