import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tmpdir } from 'node:os';
import { newId } from '@reeve/kit';
import { startReeve, type Reeve } from '@reeve/testing/reeve';
import { startFakeUpstream, type FakeUpstream } from '@reeve/testing/upstream';

/* Every endpoint enforces the policies of the tenants file. */
const SECRET = 'a-secret-of-this-test';
const FILE = `
default: {}
tight:
  budgets: {default: 60}
narrow:
  rate_limits: {requests_per_minute: 100, concurrent_runs: 1}
  tools: {deny: [write_file], approve: [run_code]}
picky:
  routing: {deny: ["*/fake"]}
`;

type Json = Record<string, unknown>;

describe('what a tenant’s policy says', { timeout: 120_000 }, () => {
  let upstream: FakeUpstream;
  let reeve: Reeve;
  before(async () => {
    upstream = await startFakeUpstream();
    const tenantsFile = join(tmpdir(), `tenants-${newId()}.yaml`);
    await writeFile(tenantsFile, FILE);
    reeve = await startReeve({
      ...upstream.environment,
      REEVE_TENANTS_FILE: tenantsFile,
      REEVE_INTERNAL_SECRET: SECRET,
      REEVE_RATE_LIMIT: 'off',
    });
  });
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  async function ask(
    tenant: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; json: Json; headers: Headers }> {
    const response = await fetch(`${reeve.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'content-type': 'application/json',
        'x-internal-service': 'true',
        'x-internal-service-secret': SECRET,
        'x-tenant-id': tenant,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: (await response.json()) as Json, headers: response.headers };
  }

  it('keeps it from models, in a run and as they are, and from their list', async () => {
    const run = await ask('picky', '/query', { message: 'hello' });
    assert.deepEqual([run.status, run.json['code']], [403, 'policy_denied'], JSON.stringify(run.json));
    const plain = await ask('picky', '/v1/chat/completions', {
      model: 'fake',
      messages: [{ role: 'user', content: 'hello' }],
    });
    assert.equal(plain.status, 403, JSON.stringify(plain.json));
    assert.equal(upstream.requests.length, 0);
    const names = async (tenant: string) =>
      ((await ask(tenant, '/v1/models')).json['data'] as { id: string }[])
        .map(({ id }) => id)
        .filter((id) => !id.startsWith('agent/'));
    assert.ok((await names('default')).length > (await names('picky')).length);
  });

  it('keeps it from tools, and has people asked about others', async () => {
    const denied = await ask('narrow', '/api/v1/execute_tool', {
      tool_name: 'write_file',
      args: { path: 'a', content: 'b' },
    });
    assert.equal(denied.json['tool_status'], 'denied');
    upstream.respond(({ messages, tools }) => {
      if (messages.at(-1)?.role === 'tool') return { text: [`tools: ${tools.length}`] };
      return {
        toolCalls: [
          { name: 'write_file', input: { path: 'a', content: 'b' } },
          { name: 'run_code', input: { code: '1' } },
        ],
      };
    });
    const agent = { name: 'Both', slug: 'both', tools: ['write_file', 'run_code'] };
    assert.equal((await ask('free', '/api/v1/agents/configs', agent)).status, 201);
    assert.equal((await ask('narrow', '/api/v1/agents/configs', agent)).status, 201);
    const late = await ask('narrow', '/query', { message: 'do both', agent_config_id: 'both', timeout_ms: 2_000 });
    assert.equal(late.status, 504, JSON.stringify(late.json));
    const { approvals } = (await ask('narrow', '/api/v1/approvals?status=pending')).json as {
      approvals: { tool: string; run_id: string }[];
    };
    assert.deepEqual(
      approvals.map(({ tool }) => tool),
      ['run_code'],
    );
    const { steps } = (await ask('narrow', `/api/v1/runs/${approvals[0]!.run_id}/steps`)).json as {
      steps: { name: string; outcome: string }[];
    };
    assert.deepEqual(
      steps.filter(({ name }) => name === 'write_file').map(({ outcome }) => outcome),
      ['denied'],
    );
    const [first] = upstream.requests;
    assert.ok(!JSON.stringify(first?.body ?? '').includes('"write_file"'), 'it is not offered');
  });

  it('limits its requests, and tells how many are left', async () => {
    const answered = await ask('narrow', '/api/v1/runs');
    assert.equal(answered.headers.get('ratelimit-limit'), '100');
    const left = Number(answered.headers.get('ratelimit-remaining'));
    const statuses = [];
    for (let number = 0; number <= left; number++) statuses.push((await ask('narrow', '/api/v1/runs')).status);
    assert.deepEqual([statuses.filter((status) => status === 200).length, statuses.at(-1)], [left, 429]);
    const refused = await ask('narrow', '/api/v1/runs');
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
    assert.equal((await ask('free', '/api/v1/runs')).status, 200);
  });

  it('shows in the queue’s limits, and in health', async () => {
    const rows = await reeve.database.db.selectFrom('concurrency_limits').selectAll().execute();
    assert.deepEqual(
      rows.map(({ tenant_id, policy_max, max_running }) => [tenant_id, policy_max, max_running]),
      [['narrow', 1, null]],
    );
    const { components } = (await ask('default', '/health')).json as { components: Record<string, { status: string }> };
    assert.deepEqual(
      [components['tenants']?.status, components['cache']?.status, components['gateway']?.status],
      ['ok', 'ok', 'ok'],
    );
  });

  it('counts the month of a persona, and ends with it', async () => {
    upstream.respond(() => ({ text: ['word '.repeat(50)] }));
    const messages = [{ role: 'user', content: 'hello' }];
    const asked = { model: 'fake', max_tokens: 40, messages };
    const months = async () =>
      reeve.database.db
        .selectFrom('budgets')
        .selectAll()
        .where('scope', '=', 'month')
        .where('tenant_id', '=', 'tight')
        .execute();
    const statuses = [];
    for (let call = 0; call < 4; call++) statuses.push((await ask('tight', '/v1/chat/completions', asked)).status);
    assert.ok(statuses.includes(200) && statuses.at(-1) === 402, String(statuses));
    const [month] = await months();
    assert.match(month!.ref, /^default:\d{4}-\d\d$/);
  });
});
