// runs on: PostgreSQL
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { hasHaproxy, startPostgresPair } from '@reeve/testing/postgres-pair';
import { startServer } from '@reeve/testing/server';

const skip = !hasHaproxy && 'needs HAProxy (Debian’s package haproxy)';
/** Every answer of a database that is away takes its time, so that callers do not spin. */
const PAUSE_MS = 50;

describe('a primary that is killed under load, and its standby promoted', { skip, timeout: 240_000 }, () => {
  it('loses no task that was acknowledged, and every one ends', async (context) => {
    const directory = await mkdtemp(join(tmpdir(), 'reeve-failover-'));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    await using pair = await startPostgresPair();
    await using server = await startServer({
      dataDirectory: directory,
      url: pair.url,
      environment: { REEVE_LEASE_MS: '3000' },
    });
    const client = createClient({ baseUrl: server.url });
    const acknowledged: string[] = [];
    let refused = 0;
    let isOver = false;
    const enqueue = async () => {
      const body = { agent_id: 'assistant', task_type: 'query', title: 'What is 6 * 7?', max_attempts: 20 };
      const answer = await fetch(`${server.url}/api/agents/tasks`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      }).catch(() => undefined);
      if (answer?.ok !== true) {
        refused += 1;
        return sleep(PAUSE_MS);
      }
      const { task } = (await answer.json()) as { task: { id: string } };
      acknowledged.push(task.id);
    };
    const callers = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!isOver) await enqueue();
      }),
    );
    while (acknowledged.length < 50) await sleep(20);
    await pair.fail();
    const before = acknowledged.length;
    while (acknowledged.length < before + 50) await sleep(20);
    isOver = true;
    await callers;

    for (const id of acknowledged) {
      let status = '';
      for (let tries = 0; status !== 'completed' && tries < 600; tries += 1) {
        ({ status } = (await client.call(routes.getTask, { params: { id } })).task);
        assert.ok(['pending', 'in_progress', 'completed'].includes(status), `task ${id} is ${status}`);
        if (status !== 'completed') await sleep(100);
      }
      assert.equal(status, 'completed', `task ${id}`);
    }
    context.diagnostic(`${acknowledged.length} acknowledged and completed, ${refused} refused, ${before} before`);
    await server.end('SIGTERM');
  });
});
