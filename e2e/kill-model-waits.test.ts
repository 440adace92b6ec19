// runs on: PostgreSQL
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@reeve/client';
import { routes, type RunEvent, type Task } from '@reeve/contract';
import { killAtCommits, requireWhole } from '@reeve/testing/kill-points';
import { startFakeUpstream, type FakeUpstream, type UpstreamReply } from '@reeve/testing/upstream';

/*
 * Kills a real server with SIGKILL around the commits of a task whose model refuses calls, cuts its answers and takes calls again,
 * starts it again on the same data, and looks from outside: the task completes with no attempt but its own and the killed one, its
 * tool is called once, and its log is whole.
 */
const ANSWER = 'The sum is 42.';
/** What the model does with one call after another: it refuses a call with its repeats, cuts one, answers one. */
const HABITS = ['refuse', 'refuse', 'refuse', 'cut', 'answer'] as const;

describe('a server killed at any commit of a task that waits for its model', { timeout: 600_000 }, () => {
  let upstream: FakeUpstream;
  before(async () => {
    upstream = await startFakeUpstream();
    const calls = new Map<string, number>();
    upstream.respond(({ path, messages }): UpstreamReply => {
      const before = calls.get(path) ?? 0;
      calls.set(path, before + 1);
      const habit = HABITS[before % HABITS.length];
      if (habit === 'refuse') return { status: 429, headers: { 'retry-after-ms': '50' } };
      const answer: UpstreamReply = messages.some(({ role }) => role === 'tool')
        ? { text: ['The ', 'sum ', 'is ', '42.'] }
        : { text: ['A ', 'sum.'], toolCalls: [{ name: 'calculator', input: { expression: '6 * 7' } }] };
      return habit === 'cut' ? { ...answer, fault: 'cut', pauseMs: 60 } : answer;
    });
  });
  after(() => upstream[Symbol.asyncDispose]());

  it('loses nothing and spends no attempt on the model', async (context) => {
    // Each kill has a model of its own, since one that is shared may refuse all calls of one kill by chance.
    const environment = (at: number) => ({ ...upstream.environment, LLM_BASE_URL: `${upstream.url}/${at}` });
    const { points, killed } = await killAtCommits({ environment, carryOn, check }, 3);
    context.diagnostic(`killed at ${killed} of ${points} points`);
    assert.ok(points >= 12, `at least 12 commits, these are ${points}`);
    assert.ok(killed >= 3, `killed at 3 points or more, these were ${killed}`);
  });

  /** Puts the task into the queue where it is not there, and waits for its end. Throws where the server dies. */
  async function carryOn(client: Client): Promise<void> {
    if ((await tasksOf(client)).length === 0)
      await client.call(routes.createTask, {
        body: { agent_id: 'assistant', task_type: 'query', title: 'What is 6 * 7?', max_attempts: 2 },
      });
    for (const until = Date.now() + 60_000; Date.now() < until; await sleep(100)) {
      const [task] = await tasksOf(client);
      if (task?.completed_at != null) return;
    }
    throw new Error('the task has not ended within a minute');
  }

  async function check(client: Client, where: string): Promise<void> {
    const tasks = await tasksOf(client);
    assert.equal(tasks.length, 1, where);
    const [task] = tasks;
    assert.deepEqual([task!.status, task!.error_message], ['completed', null], where);
    assert.ok(task!.attempts <= 2, `${where}: ${task!.attempts} attempts`);
    const { runs } = await client.call(routes.listRuns);
    assert.equal(runs.length, 1, where);
    assert.equal(runs[0]!.result, ANSWER, where);
    const { steps } = await client.call(routes.listSteps, { params: { id: runs[0]!.id } });
    assert.deepEqual(
      steps.map(({ kind, outcome }) => `${kind} ${outcome}`),
      ['model success', 'tool success', 'model success'],
      where,
    );
    const events: RunEvent[] = [];
    for await (const event of client.followRun(runs[0]!.id)) events.push(event);
    requireWhole(events, where);
    assert.equal(spoken(events), `A sum.${ANSWER}`, where);
  }

  async function tasksOf(client: Client): Promise<Task[]> {
    return (await client.call(routes.listTasks, { query: { limit: 10 } })).tasks;
  }

  /** What stands of the text once all that is void has been left out. */
  function spoken(events: readonly RunEvent[]): string {
    const text = new Map<number, string>();
    for (const event of events) {
      if (event.type === 'text') text.set(event.step, (text.get(event.step) ?? '') + event.delta);
      if (event.type === 'system' && event.discard_step !== undefined) text.delete(event.discard_step);
    }
    return [...text.values()].join('');
  }
});
