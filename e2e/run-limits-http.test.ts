import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@reeve/client';
import { routes, type RunEvent } from '@reeve/contract';
import { silentLog } from '@reeve/kit';
import { openSandbox } from '@reeve/sandbox';
import { createTestDatabase } from '@reeve/testing/database';
import { refused } from '@reeve/testing/http-place';
import {
  calculate,
  firstEvent,
  isAsked,
  isParked,
  modelSettings,
  openRunPlace,
  type RunPlace,
} from '@reeve/testing/run-place';
import { startServer } from '@reeve/testing/server';
import { startFakeUpstream } from '@reeve/testing/upstream';

/** How long what a cancel reaches may take to end before a test fails; the promise is 500 ms. */
const DEADLINE_MS = 15_000;

const sandbox = await openSandbox({ sandboxBackend: 'auto' }, silentLog);
await sandbox.whenProbed();
after(() => sandbox[Symbol.asyncDispose]());
const withoutBash = sandbox.unavailable('bash') ?? false;

/** Milliseconds until this holds. Fails after the deadline. */
async function until(holds: () => boolean | Promise<boolean>): Promise<number> {
  const begunAt = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - begunAt < DEADLINE_MS, 'it did not end in time');
    await sleep(5);
  }
  return performance.now() - begunAt;
}

/** Whether a process of this machine has these words in its command line. */
async function isRunning(words: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.some((line) => line.replaceAll('\0', ' ').trim() === words);
}

describe('the limits and the end of runs, over HTTP', { timeout: 300_000 }, () => {
  let place: RunPlace;
  before(async () => {
    place = await openRunPlace();
    await place.makeAgent('free', { tools: ['calculator', 'bash_execute'] });
  });
  after(() => place[Symbol.asyncDispose]());
  beforeEach(() => place.upstream.reset());

  const ask = (message: string) =>
    place.admin.client.stream(routes.chat, { body: { agent_config_id: 'free', message } });
  const execute = (task: string, agent = 'free') =>
    place.admin.call(routes.execute, { body: { task, agent, timeout_ms: 60_000 } });
  const limit = (limit_tokens: number | null) =>
    place.admin.call(routes.putBudget, { body: { scope: 'tenant', limit_tokens } });
  const runOf = (id: string) => place.admin.call(routes.getRun, { params: { id } });
  const cancel = (id: string) => place.admin.call(routes.cancelRun, { params: { id } });

  it('a run is refused at the door with 402 where nothing is left to spend', async () => {
    await limit(0);
    await refused(execute('What is 6 * 7?'), 402, 'budget_exhausted');
    await assert.rejects(ask('What is 6 * 7?').next(), { status: 402, code: 'budget_exhausted' });
    assert.equal(place.upstream.requests.length, 0, 'the provider was not asked');
    await limit(null);
  });

  it('a run whose budget runs out in the middle waits, and goes on in the same stream once it is raised', async () => {
    await limit(50_000);
    place.upstream.script([
      { ...calculate('6 * 7'), usage: { inputTokens: 40_000, outputTokens: 5_000 } },
      { text: ['42'], usage: { inputTokens: 30, outputTokens: 4 } },
    ]);
    const parked: string[] = [];
    let last: RunEvent | undefined;
    for await (const event of ask('What is 6 * 7?')) {
      last = event;
      if (!isParked(event)) continue;
      parked.push(event.waiting_for!);
      assert.match(event.message, /budget of the tenant has 5000 of 50000 tokens left/);
      const { status, waiting_for, task_id } = await runOf(event.run_id);
      assert.deepEqual([status, waiting_for], ['queued', 'budget']);
      assert.equal((await place.admin.task(task_id)).waiting_for, 'budget');
      await limit(1_000_000);
    }
    assert.ok(last?.type === 'session_end' && last.status === 'completed');
    assert.deepEqual(parked, ['budget']);

    const { run_id } = last;
    const { calls } = await place.admin.call(routes.listModelCalls, { query: { run_id } });
    assert.deepEqual(
      calls.map(({ outcome, input_tokens, output_tokens, step, cost_usd }) => ({
        outcome,
        input_tokens,
        output_tokens,
        step,
        cost_usd,
      })),
      [
        { outcome: 'ok', input_tokens: 30, output_tokens: 4, step: 3, cost_usd: null },
        { outcome: 'ok', input_tokens: 40_000, output_tokens: 5_000, step: 1, cost_usd: null },
      ],
    );
    const { groups } = await place.admin.call(routes.getUsage, { query: { group_by: 'agent' } });
    const [mine] = groups.filter(({ key }) => key === 'free');
    assert.deepEqual([mine?.calls, mine?.total_tokens, mine?.unpriced_calls], [2, 45_034, 2]);
    const { budgets } = await place.admin.call(routes.listBudgets, { query: { scope: 'tenant' } });
    assert.deepEqual([budgets[0]?.spent_tokens, budgets[0]?.reserved_tokens], [45_034, 0]);
    await limit(null);
  });

  it('a door that waits for a run answers 402 with its id when it is put aside', async () => {
    await limit(50_000);
    place.upstream.script([
      { ...calculate('6 * 7'), usage: { inputTokens: 40_000, outputTokens: 9_000 } },
      { text: ['42'] },
    ]);
    const failure = await execute('What is 6 * 7?').then(
      () => undefined,
      (error: unknown) => error as { status: number; code: string; runId: string },
    );
    assert.deepEqual([failure?.status, failure?.code], [402, 'budget_exhausted']);
    await limit(null);
    const end = await firstEvent(
      place.admin.client.followRun(failure!.runId),
      (event): event is Extract<RunEvent, { type: 'result' }> => event.type === 'result',
    );
    assert.equal(end.result, '42');
  });

  it('an agent with a limit in USD makes no call whose price is not known, and says why', async () => {
    await place.makeAgent('thrifty', {
      limits: { max_cost_usd: '0.50', max_steps: 50, timeout_ms: 600_000 },
    });
    await assert.rejects(execute('What is 6 * 7?', 'thrifty'), (error: { status: number; message: string }) => {
      assert.equal(error.status, 402);
      assert.match(
        error.message,
        /limited to \$0\.5.*price of openai-compatible\/some-model is not known.*models\.yaml/,
      );
      return true;
    });
    assert.equal(place.upstream.requests.length, 0);
  });

  it('a cancel closes the connection to the provider', async (context) => {
    place.upstream.script([{ text: Array.from({ length: 2_000 }, (_, n) => `${n} `), pauseMs: 20 }]);
    const events = ask('Count.');
    const { run_id } = await firstEvent(
      events,
      (event): event is Extract<RunEvent, { type: 'text' }> => event.type === 'text',
    );
    assert.equal(place.upstream.open, 1);
    const cancelled = cancel(run_id);
    context.diagnostic(`closed ${Math.round(await until(() => place.upstream.open === 0))} ms after the cancel`);
    await cancelled;
    await until(async () => (await runOf(run_id)).status === 'cancelled');
    const { calls } = await place.admin.call(routes.listModelCalls, { query: { run_id } });
    assert.deepEqual(
      calls.map(({ outcome, estimated }) => [outcome, estimated]),
      [['cancelled', true]],
    );
  });

  it('a cancel ends a process in the sandbox', { skip: withoutBash }, async (context) => {
    const command = `sleep 8${process.pid}`;
    place.upstream.script([{ toolCalls: [{ name: 'bash_execute', input: { command, timeout_ms: 120_000 } }] }]);
    const { run_id } = await firstEvent(
      ask('Wait.'),
      (event): event is Extract<RunEvent, { type: 'tool_call' }> => event.type === 'tool_call',
    );
    await until(() => isRunning(command));
    const cancelled = cancel(run_id);
    context.diagnostic(`ended ${Math.round(await until(async () => !(await isRunning(command))))} ms after the cancel`);
    await cancelled;
    await until(async () => (await runOf(run_id)).status === 'cancelled');
  });
});

describe('a server that is started anew while runs wait', { timeout: 300_000 }, () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    it(`lets them go on after their decision (${signal})`, async () => {
      await using upstream = await startFakeUpstream();
      await using data = await createTestDatabase();
      const start = () => startServer({ ...data, environment: modelSettings(upstream) });
      upstream.respond(({ messages }) =>
        messages.at(-1)?.role === 'tool'
          ? { text: [messages.at(-1)!.text.includes('rejected') ? 'Then not.' : 'It is 42.'] }
          : calculate('6 * 7'),
      );
      const asked: string[] = [];
      const runs: string[] = [];
      {
        await using server = await start();
        const client = createClient({ baseUrl: server.url });
        const body = { name: 'Careful', tools: ['calculator'], approvals: ['calculator'] };
        await client.call(routes.createAgent, { body });
        for (let nth = 0; nth < 2; nth++) {
          const events = client.stream(routes.chat, { body: { agent_config_id: 'careful', message: 'How much?' } });
          await firstEvent(events, (event): event is Extract<RunEvent, { type: 'system' }> => {
            if (isAsked(event)) asked.push(event.approval_id);
            if (isParked(event)) runs.push(event.run_id);
            return isParked(event);
          });
        }
        await server.end(signal);
      }
      await using server = await start();
      const client = createClient({ baseUrl: server.url });
      assert.equal((await client.call(routes.listApprovals, { query: {} })).total, 2);
      const answers: (string | null)[] = [];
      for (const [index, decision] of (['approve', 'reject'] as const).entries()) {
        await client.call(routes.decideApproval, { params: { id: asked[index]! }, body: { decision } });
        let seq = 0;
        for await (const event of client.followRun(runs[index]!)) {
          assert.equal(event.seq, ++seq);
          if (event.type === 'result') answers.push(event.result);
        }
      }
      assert.deepEqual(answers, ['It is 42.', 'Then not.']);
      assert.equal(upstream.requests.length, 4, 'no model call was made again');
    });
});
