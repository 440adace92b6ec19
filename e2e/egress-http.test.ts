import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { newId, silentLog } from '@reeve/kit';
import { openSandbox } from '@reeve/sandbox';
import { startReeve, type Reeve } from '@reeve/testing/reeve';

const sandbox = await openSandbox({ sandboxBackend: 'auto' }, silentLog);
await sandbox.whenProbed();
const skip = sandbox.unavailable('python') ?? sandbox.unavailable('node') ?? false;
await sandbox[Symbol.asyncDispose]();

describe('hosts that a tenant’s policy opens to programs', { timeout: 120_000, skip }, () => {
  let reeve: Reeve;
  let client: ReturnType<typeof createClient>;
  const inside = createServer((request, response) => response.end(`hello ${request.url}`));
  let host: string;
  before(async () => {
    inside.listen(0, '127.0.0.1');
    await once(inside, 'listening');
    host = `localhost:${(inside.address() as AddressInfo).port}`;
    reeve = await startReeve({ REEVE_ALLOW_PRIVATE_URLS: '127.0.0.1,::1' });
    client = createClient({ baseUrl: reeve.url });
  });
  after(async () => {
    await reeve[Symbol.asyncDispose]();
    inside.close();
  });

  /** What Python comes to that asks the proxy for each of these, by itself. */
  async function ask(session_id: string, ...urls: readonly string[]): Promise<string[]> {
    const code = `import http.client
for url in ${JSON.stringify(urls)}:
    try:
        connection = http.client.HTTPConnection('127.0.0.1', 3128, timeout=10)
        connection.request('GET', url)
        answer = connection.getresponse()
        print(answer.status, answer.read().decode().strip())
    except OSError as error:
        print(type(error).__name__)`;
    const body = { tool_name: 'python_execute', args: { code }, session_id };
    return (await client.call(routes.executeTool, { body })).stdout.trim().split('\n');
  }
  const open = (egress: Record<string, string[]>) =>
    client.call(routes.putTenantOverrides, { params: { id: 'default' }, body: { egress } });

  it('are none by default, and then there is no way out at all', async () => {
    assert.deepEqual(await ask(newId(), `http://${host}/x`), ['ConnectionRefusedError']);
  });

  it('are reached, and nothing else is; both stand in the audit log', async () => {
    await open({ python_execute: [host, 'metadata.invalid'] });
    const session = newId();
    const answers = await ask(
      session,
      `http://${host}/x`,
      'http://other.invalid/',
      'http://127.0.0.1/',
      'http://metadata.invalid/',
    );
    assert.equal(answers[0], '200 hello /x');
    assert.match(answers[1]!, /^403 other\.invalid is not open to this program/);
    assert.match(answers[2]!, /^403 127\.0\.0\.1 is no name of a host/);
    assert.match(answers[3]!, /^502 metadata\.invalid cannot be reached/);
    const { entries } = await client.call(routes.listAudit, { query: { limit: 50 } });
    const told = entries
      .filter(({ action }) => action.startsWith('EGRESS_'))
      .map(({ action, actor, details }) => [
        action,
        actor,
        details['tool'],
        details['host'],
        details['session_id'] === session,
      ]);
    assert.deepEqual(told.toReversed(), [
      ['EGRESS_ALLOWED', 'agent', 'python_execute', 'localhost', true],
      ['EGRESS_DENIED', 'agent', 'python_execute', 'other.invalid', true],
      ['EGRESS_DENIED', 'agent', 'python_execute', '127.0.0.1', true],
      ['EGRESS_ALLOWED', 'agent', 'python_execute', 'metadata.invalid', true],
    ]);
  });

  it('are open to the tools that are named, and where `default` is, to the others', async () => {
    await open({ node_execute: [host] });
    assert.deepEqual(await ask(newId(), `http://${host}/x`), ['ConnectionRefusedError']);
    await open({ default: [host], node_execute: [] });
    assert.deepEqual(await ask(newId(), `http://${host}/y`), ['200 hello /y']);
  });

  it('are no addresses', async () => {
    for (const wrong of ['127.0.0.1', '10.0.0.1:80', '*', 'https://a.test', 'a.test:99999', ''])
      await assert.rejects(open({ default: [wrong] }), (error: { status: number; message: string }) => {
        assert.equal(error.status, 400, wrong);
        assert.match(error.message, /egress\.default\.0 must be the name of a host/);
        return true;
      });
  });
});
