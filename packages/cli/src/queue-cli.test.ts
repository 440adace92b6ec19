import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { Approval, DueSchedule, Schedule, Task, TaskDetail, TaskEvent, Workflow } from '@reeve/contract';
import type { CommandResult } from '../test/running.ts';
import { runJson, useServedShell } from '../test/served-shell.ts';
import { createShell, type ShellServer, type TestShell } from '../test/shell.ts';

interface Changed {
  readonly tasks: Task[];
  readonly failed: { id: string; code: string; message: string }[];
}

const NOBODY = '01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11';
const GRAPH = {
  title: 'a report',
  tasks: [
    { key: 'sum', agent_id: 'assistant', task_type: 'sum', title: 'What is 20 + 3?' },
    { key: 'tell', agent_id: 'assistant', task_type: 'sum', title: 'Tell the result', depends_on: ['sum'] },
  ],
};
const TASK = ['create-task', '--agent', 'assistant', '--type', 'sum', '--title', 'What is 6 * 7?'];

async function create(shell: TestShell, ...more: string[]): Promise<Task> {
  return (await runJson<{ task: Task }>(shell, [...TASK, ...more])).task;
}

suite('the queue by hand, without a server', () => {
  let shell: TestShell;
  before(async () => void (shell = await createShell()));
  after(() => shell[Symbol.asyncDispose]());

  test('a workflow, a decision and a schedule are worked on by run-once, and status tells what is left', async () => {
    const created = await runJson<Workflow>(shell, ['workflows', 'create', '-'], 0, { input: JSON.stringify(GRAPH) });
    const asked = await create(shell, '--requires-approval', '--priority', '9');
    assert.equal(asked.waiting_for, 'approval');
    const schedule = await runJson<Schedule>(shell, [
      ...['schedules', 'create', '--agent', 'assistant', '--type', 'sum', '--title', 'What is 1 + 1?'],
      ...['--frequency', 'daily', '--first', '2026-01-01T08:00:00Z', '--catch-up', 'one'],
    ]);
    const told = await runJson<{ due: DueSchedule[] }>(shell, ['run-due-schedules', '--dry-run']);
    assert.deepEqual(
      told.due.map(({ schedule_id, action, task_id }) => [schedule_id, action, task_id]),
      [[schedule.id, 'fire', null]],
    );
    const { due } = await runJson<{ due: DueSchedule[] }>(shell, ['run-due-schedules']);
    const worked = await runJson<{ processed: { id: string; status: string }[] }>(shell, ['run-once', '--limit=5']);
    assert.deepEqual(
      worked.processed.map(({ id, status }) => `${id} ${status}`).sort(),
      [created.tasks[0]!.id, due[0]!.task_id].map((id) => `${id} completed`).sort(),
    );
    const status = await runJson<{
      tasks: { by_status: Record<string, number>; by_waiting: Record<string, number> };
      pending_approvals: number;
      next_schedule: Schedule;
    }>(shell, ['status']);
    assert.deepEqual(status.tasks.by_status, { completed: 2, pending: 2 });
    assert.deepEqual([status.tasks.by_waiting['approval'], status.tasks.by_waiting['ready']], [1, 1]);
    assert.deepEqual([status.pending_approvals, status.next_schedule.id], [1, schedule.id]);
    const approved = await runJson<Changed>(shell, ['tasks', 'approve', asked.id, NOBODY, '--reason', 'fine'], 3);
    assert.deepEqual(
      [approved.tasks.map(({ id, decision_reason }) => [id, decision_reason]), approved.failed.map(({ code }) => code)],
      [[[asked.id, 'fine']], ['not_found']],
    );
  });
});

suite('the queue by hand, beside a server', () => {
  let shell: TestShell;
  let server: ShellServer;
  after(() => server[Symbol.asyncDispose]());
  useServedShell((opened, started) => ([shell, server] = [opened, started]));

  const lines = ({ stdout }: CommandResult) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as TaskEvent);

  test('tasks that wait for a decision are in the inbox until they are approved or rejected', async () => {
    await runJson(shell, ['policies', 'set', 'sum', '--ask', '--expires-after', '2h']);
    const [one, other] = await Promise.all([create(shell), create(shell, '--description', 'the other')]);
    const inbox = await runJson<{ approvals: Approval[] }>(shell, ['tasks', 'inbox']);
    assert.deepEqual(inbox.approvals.map(({ task_id }) => task_id).sort(), [one.id, other.id].sort());
    const rejected = await runJson<Changed>(shell, ['tasks', 'reject', other.id, '--reason', 'no']);
    assert.equal(rejected.tasks[0]?.status, 'failed');
    const again = await shell.run(['tasks', 'approve', other.id]);
    assert.equal(again.code, 1);
    assert.equal(again.stderr, 'reeve: it is rejected already by local\n');
    await runJson(shell, ['tasks', 'approve', one.id]);
    const watched = await shell.run(['tasks', 'watch', one.id]);
    assert.equal(watched.code, 0);
    assert.deepEqual(
      lines(watched).map(({ type }) => type),
      ['task_created', 'approval_requested', 'approval_approved', 'task_ready', 'task_started', 'task_completed'],
    );
    const detail = await runJson<TaskDetail>(shell, ['tasks', 'show', one.id]);
    assert.deepEqual([detail.approval?.status, detail.runs.length], ['approved', 1]);
    await runJson(shell, ['policies', 'set', 'sum', '--auto']);
    const { policies } = await runJson<{ policies: { auto_execute: boolean }[] }>(shell, ['policies', 'list']);
    assert.deepEqual(
      policies.map(({ auto_execute }) => auto_execute),
      [true],
    );
    assert.equal((await shell.run(['policies', 'remove', 'sum'])).code, 0);
    assert.deepEqual((await runJson<{ policies: unknown[] }>(shell, ['policies', 'list'])).policies, []);
    assert.equal((await shell.run(['policies', 'remove', 'sum'])).code, 1);
  });

  test('the status of a server elsewhere tells nothing of this machine', async () => {
    type Shown = { server: { url: string }; data_directory: string | null; database: string | null };
    const read = async (environment: Record<string, string>) =>
      JSON.parse((await shell.run(['status'], { environment })).stdout) as Shown;
    const here = await read({});
    assert.deepEqual([here.server.url, here.database], [server.url, 'embedded']);
    assert.ok(here.data_directory?.startsWith(shell.directory));
    const elsewhere = await read({ REEVE_URL: server.url });
    assert.deepEqual([elsewhere.server.url, elsewhere.data_directory, elsewhere.database], [server.url, null, null]);
  });

  test('what is watched goes on through a restart of the server, and ends with the outcome', async () => {
    await runJson(shell, ['limits', 'set', '0']);
    const task = await create(shell);
    const all = shell.start(['tasks', 'watch', '--agent', 'assistant']);
    const one = shell.start(['tasks', 'watch', task.id]);
    await one.printed('task_created');
    // It follows from when it has connected: it has once it tells of a task that was made meanwhile.
    let follows = false;
    const told = all.printed('task_created').then(() => (follows = true));
    while (!follows) await Promise.race([told, create(shell)]);
    const port = new URL(server.url).port;
    await server.end('SIGTERM');
    server = await shell.serve({ REEVE_PORT: port });
    await runJson(shell, ['tasks', 'cancel', task.id]);
    const ended = await one.ended;
    assert.equal(ended.code, 1, ended.stderr);
    assert.deepEqual(
      lines(ended).map(({ type }) => type),
      ['task_created', 'task_cancelled'],
    );
    await all.printed('task_cancelled');
    all.signal('SIGINT');
    assert.equal((await all.ended).code, 0);
    const { limits } = await runJson<{ limits: unknown[] }>(shell, ['limits', 'set', 'none']);
    assert.deepEqual(limits, []);
  });

  test('a schedule is paused, resumed and deleted', async () => {
    const { id } = await runJson<Schedule>(shell, [
      ...['schedules', 'create', '--agent', 'assistant', '--type', 'sum', '--title', 'What is 1 + 1?'],
      ...['--cron', '0 8 * * 1-5', '--timezone', 'Europe/Berlin'],
    ]);
    assert.equal((await runJson<Schedule>(shell, ['schedules', 'pause', id])).enabled, false);
    assert.equal((await runJson<Schedule>(shell, ['schedules', 'resume', id])).enabled, true);
    assert.equal((await shell.run(['schedules', 'delete', id])).code, 0);
    assert.equal((await runJson<{ total: number }>(shell, ['schedules', 'list'])).total, 0);
  });

  test('wrong usage is 2', async () => {
    const cases: [string[], RegExp][] = [
      [['tasks', 'approve'], /missing required argument 'ids'/],
      [['policies', 'set', 'sum'], /either --auto or --ask/],
      [['policies', 'set', 'sum', '--ask', '--expires-after', '2 hours'], /90s, 15m, 2h, 7d/],
      [['limits', 'set', 'many'], /whole number from 0 to 100000, or none/],
      [['schedules', 'create', '--cron', '0 8 * * *'], /--agent, --type and --title/],
      [['workflows', 'create', 'missing.json'], /missing\.json cannot be read/],
    ];
    await Promise.all(
      cases.map(async ([args, expected]) => {
        const { code, stderr } = await shell.run(args);
        assert.equal(code, 2, args.join(' '));
        assert.match(stderr, expected);
      }),
    );
  });
});
