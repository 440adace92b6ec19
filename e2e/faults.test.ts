// runs on: both databases
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createClient } from '@reeve/client';
import { routes, type RunEvent, type Task } from '@reeve/contract';
import { openDatabase } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { createTestDatabase, cutConnections, testDatabaseKind } from '@reeve/testing/database';
import { startServer } from '@reeve/testing/server';
import { startFakeUpstream } from '@reeve/testing/upstream';

describe('faults', { timeout: 180_000 }, () => {
  it('a server stopped by SIGTERM in mid-run leaves nothing half done: the next one asks what became of the call, and completes the run', async () => {
    await using upstream = await startFakeUpstream();
    await using place = await createTestDatabase();
    const environment = upstream.environment;
    upstream.respond(({ messages }) =>
      messages.some(({ role }) => role === 'tool')
        ? { text: ['done'] }
        : { toolCalls: [{ name: 'bash_execute', input: { command: 'sleep 30' } }] },
    );
    await using first = await startServer({ ...place, environment });
    const client = createClient({ baseUrl: first.url });
    const { task } = await client.call(routes.createTask, {
      body: { agent_id: 'assistant', task_type: 'query', title: 'sleep' },
    });
    while (!first.log.some((line) => line.includes('calling a tool')))
      await new Promise((next) => setTimeout(next, 20));
    const startedAt = performance.now();
    assert.equal(await first.end('SIGTERM'), 0);
    assert.ok(performance.now() - startedAt < 20_000, 'the stop does not wait for the tool');
    await using second = await startServer({ ...place, environment: { ...environment, REEVE_LEASE_MS: '30000' } });
    const after = createClient({ baseUrl: second.url });
    const until = async (reached: (task: Task) => boolean) => {
      for (;;) {
        const { task: now } = await after.call(routes.getTask, { params: { id: task.id } });
        if (reached(now)) return;
        assert.ok(now.status === 'in_progress' || now.status === 'pending', `${now.status}: ${now.error_message}`);
        await new Promise((next) => setTimeout(next, 100));
      }
    };
    await until(({ waiting_for }) => waiting_for === 'approval');
    const { approvals } = await after.call(routes.listApprovals, { query: { task_id: task.id } });
    assert.deepEqual(
      approvals.map(({ kind, tool }) => [kind, tool]),
      [['tool_outcome', 'bash_execute']],
    );
    await after.call(routes.decideApproval, { params: { id: approvals[0]!.id }, body: { decision: 'reject' } });
    await until(({ status }) => status === 'completed');
  });

  if (testDatabaseKind === 'postgres') {
    it('a database that loses its connections again and again delays a run and loses nothing of it', async () => {
      await using upstream = await startFakeUpstream();
      await using place = await createTestDatabase();
      upstream.respond(({ messages }) => {
        const calls = messages.filter(({ role }) => role === 'tool').length;
        return calls < 6
          ? {
              text: ['step ', `${calls}`],
              toolCalls: [{ name: 'calculator', input: { expression: `${calls} + 1` } }],
              pauseMs: 20,
            }
          : { text: ['all ', 'done'] };
      });
      await using server = await startServer({
        ...place,
        environment: {
          ...upstream.environment,
          REEVE_LEASE_MS: '3000',
        },
      });
      const client = createClient({ baseUrl: server.url });
      const { task } = await client.call(routes.createTask, {
        body: { agent_id: 'assistant', task_type: 'query', title: 'count', max_attempts: 20 },
      });
      await using onlooker = await openDatabase({ ...place, pool: 1, log: silentLog });
      for (let cut = 0; cut < 5; cut++) {
        await new Promise((next) => setTimeout(next, 250));
        await cutConnections(onlooker.db);
      }
      let runId: string | undefined;
      while (runId === undefined)
        runId = await client.call(routes.listRuns, { query: { task_id: task.id } }).then(
          ({ runs }) => runs[0]?.id,
          () => undefined,
        );
      const events: RunEvent[] = [];
      for await (const event of client.followRun(runId, { signal: AbortSignal.timeout(90_000) })) events.push(event);
      assert.deepEqual(
        events.map(({ seq }) => seq),
        events.map((_, index) => index + 1),
      );
      assert.equal(events.find((event) => event.type === 'result')?.result, 'all done');
      const { steps } = await client.call(routes.listSteps, { params: { id: runId } });
      assert.equal(steps.filter(({ kind, outcome }) => kind === 'tool' && outcome === 'success').length, 6);
    });

    it('two servers on one database share the queue, and no task is run twice', async () => {
      await using upstream = await startFakeUpstream();
      await using place = await createTestDatabase();
      await using elsewhere = await createTestDatabase();
      upstream.respond(() => ({ text: ['done'], delayMs: 20 }));
      const environment = upstream.environment;
      await using first = await startServer({ ...place, environment });
      await using second = await startServer({ url: place.url, dataDirectory: elsewhere.dataDirectory, environment });
      const client = createClient({ baseUrl: first.url });
      for (let n = 0; n < 60; n++)
        await client.call(routes.createTask, {
          body: { agent_id: 'assistant', task_type: 'query', title: `task ${n}` },
        });
      for (;;) {
        const { by_status } = await client.call(routes.getTaskStats);
        if (by_status['completed'] === 60) break;
        await new Promise((next) => setTimeout(next, 100));
      }
      assert.equal(upstream.requests.length, 60);
      const worked = [first, second].map(
        (server) => server.log.filter((line) => line.includes('calling the model')).length,
      );
      assert.equal(worked[0]! + worked[1]!, 60);
      assert.ok(
        worked.every((count) => count > 0),
        `both worked: ${worked.join(' and ')}`,
      );
    });
  }
});
