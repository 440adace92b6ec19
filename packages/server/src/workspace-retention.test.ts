import assert from 'node:assert/strict';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createClient } from '@reeve/client';
import { routes } from '@reeve/contract';
import { newId, silentLog, sleep } from '@reeve/kit';
import { createQuota, createWorkspaces } from '@reeve/sandbox';
import { startReeve } from '@reeve/testing';
import { removeUnused } from './workspace-retention.ts';

test('workspaces that nobody used are removed, but those of runs that wait', { timeout: 120_000 }, async () => {
  await using reeve = await startReeve();
  const client = createClient({ baseUrl: reeve.url });
  await client.call(routes.createAgent, {
    body: { name: 'Careful', slug: 'careful', tools: ['calculator'], approvals: ['calculator'] },
  });
  const waiting = newId();
  const work = { agent_id: 'careful', task_type: 'query', title: 'What is 6 * 7?', session_id: waiting };
  const { task } = await client.call(routes.createTask, { body: work });
  for (;;) {
    const { runs } = await client.call(routes.getTask, { params: { id: task.id } });
    if (runs.some(({ waiting_for }) => waiting_for === 'approval')) break;
    await sleep(50);
  }
  const [old, recent, answered] = [newId(), newId(), newId()];
  await client.call(routes.query, { body: { message: 'hello', session_id: answered } });
  for (const id of [old, recent, answered, waiting])
    await client.call(routes.uploadFile, { params: { id }, query: { path: 'a' }, upload: new Blob(['x']) });
  const root = join(reeve.dataDirectory, 'workspaces');
  const long = new Date(Date.now() - 31 * 86_400_000);
  for (const id of [old, answered, waiting]) await utimes(join(root, 'default', id), long, long);

  const workspaces = createWorkspaces(root, createQuota({ workspaceQuotaMb: 100 }));
  const isNeeded = async (_: string, sessionId: string) => {
    const { runs } = await client.call(routes.listRuns, { query: { session_id: sessionId } });
    return runs.some(({ status }) => status === 'queued' || status === 'running');
  };
  const parts = { isNeeded, workspaces, days: 30, log: silentLog };
  assert.equal(await removeUnused(parts, new AbortController().signal), 2);
  assert.deepEqual((await readdir(join(root, 'default'))).sort(), [recent, waiting].sort());
  assert.equal(await removeUnused(parts, new AbortController().signal), 0);
});
