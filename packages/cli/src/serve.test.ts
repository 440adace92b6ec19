import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startServer, type ServerProcess } from '@reeve/testing';
import { createShell, type TestShell } from '../test/shell.ts';

suite('with a server', () => {
  let shell: TestShell;
  let server: ServerProcess;
  before(async () => {
    shell = await createShell();
    server = await startServer({
      dataDirectory: shell.directory,
      url: undefined,
      environment: { KAFKA_BOOTSTRAP_SERVERS: '127.0.0.1:9092' },
    });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await shell[Symbol.asyncDispose]();
  });
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, stdout, stderr } = await shell.run([...args, '--json']);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return JSON.parse(stdout) as T;
  };

  test('commands find it through the data directory, and each prints one document with --json', async () => {
    const run = await json<{ run_id: string; session_id: string; result: string; task_id: string }>(
      'run',
      'What is 6 * 7?',
    );
    assert.equal(run.result, '6 * 7 = 42.');
    const status = await json<{ server: { url: string; pid: number; command: string } }>('status');
    assert.deepEqual(status.server, { url: server.url, pid: server.pid, command: 'serve' });
    const [runs, tasks, task, memory, agents, agent] = await Promise.all([
      json<{ runs: { id: string }[] }>('runs', 'list', '--session', run.session_id),
      json<{ tasks: { id: string }[] }>('tasks', 'list', '--status', 'completed'),
      json<{ task: { status: string } }>('tasks', 'show', run.task_id),
      json<{ matches: unknown[] }>('memory', 'search', 'What is 6 * 7?', '--kind', 'message'),
      json<{ configs: { slug: string }[] }>('agents', 'list'),
      json<{ slug: string }>('agents', 'show', 'assistant'),
    ]);
    assert.deepEqual(
      runs.runs.map(({ id }) => id),
      [run.run_id],
    );
    assert.ok(tasks.tasks.some(({ id }) => id === run.task_id));
    assert.equal(task.task.status, 'completed');
    assert.ok(memory.matches.length > 0);
    assert.ok(agents.configs.some(({ slug }) => slug === agent.slug));
    const doctor = await json<{ ok: boolean; checks: { name: string; evidence: string }[] }>('doctor');
    assert.match(
      doctor.checks.find(({ name }) => name === 'lock')!.evidence,
      new RegExp(`process ${server.pid} .*${server.url}`),
    );
    assert.ok(doctor.checks.some(({ name }) => name === 'server'));
  });

  test('a setting of something that is not built is named at the start', () => {
    assert.ok(
      server.log.some((line) => /KAFKA_BOOTSTRAP_SERVERS is set, but this release does not have/.test(line)),
      server.log.join('\n'),
    );
  });

  test('run --detach prints the run, whose events can be followed', async () => {
    const { code, stdout } = await shell.run(['run', 'What is 6 * 7?', '--detach']);
    assert.equal(code, 0);
    const followed = await shell.run(['runs', 'events', stdout.trim()]);
    const types = followed.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    assert.equal(types[0], 'session_start');
    assert.equal(types.at(-1), 'session_end');
    const cancelled = await shell.run(['runs', 'cancel', stdout.trim()]);
    assert.equal(cancelled.code, 1);
    assert.match(cancelled.stderr, /^reeve: .*completed/);
  });

  test('Ctrl-C cancels the run and exits with 130', async () => {
    const running = shell.start(['run', 'run this command: sleep 20', '--json']);
    for (;;) {
      const { runs } = await json<{ runs: { id: string }[] }>('runs', 'list', '--status', 'running');
      if (runs.length > 0) break;
    }
    running.signal('SIGINT');
    const { code, stdout } = await running.ended;
    assert.equal(code, 130);
    assert.equal((JSON.parse(stdout) as { status: string }).status, 'cancelled');
  });

  test('run-once says that the server does the work, and follows what is ready until it has ended', async () => {
    await json('agents', 'create', '--name', 'Hasty', '--tool', 'calculator', '--max-steps', '1');
    const edited = await json<{ version: number; limits: { max_steps: number; timeout_ms: number } }>(
      'agents',
      'edit',
      'hasty',
      '--timeout-ms',
      '5000',
    );
    assert.deepEqual(edited.limits, { max_steps: 1, max_cost_usd: null, timeout_ms: 5000 });
    const { task } = await json<{ task: { id: string } }>(
      'create-task',
      '--agent',
      'assistant',
      '--type',
      'sleep',
      '--title',
      'run this command: sleep 3',
    );
    const once = await shell.run(['run-once', '--limit=5']);
    assert.equal(once.code, 0, once.stderr);
    assert.match(once.stderr, /the server at http:\S+ works on the queue by itself/);
    assert.deepEqual(
      (JSON.parse(once.stdout) as { processed: { id: string }[] }).processed.map(({ id }) => id),
      [task.id],
    );
    const failing = await json<{ task: { id: string } }>(
      'create-task',
      '--agent',
      'hasty',
      '--type',
      'sum',
      '--title',
      'What is 1 + 1?',
    );
    const watched = await shell.run(['tasks', 'watch', failing.task.id, task.id]);
    assert.equal(watched.code, 3);
    const again = await json<{ tasks: { status: string }[] }>('tasks', 'retry', failing.task.id);
    assert.equal(again.tasks[0]?.status, 'pending');
    const later = await json<{ task: { id: string } }>(
      'create-task',
      '--agent',
      'assistant',
      '--type',
      'sum',
      '--title',
      'later',
      '--run-at',
      '2040-01-01T00:00:00Z',
    );
    const gone = await json<{ tasks: { status: string }[] }>('tasks', 'cancel', later.task.id);
    assert.equal(gone.tasks[0]?.status, 'cancelled');
    assert.equal((await shell.run(['agents', 'delete', 'hasty'])).code, 0);
  });

  test('errors of the server decide the exit code and carry its request id', async () => {
    const [missing, wrong, unknown] = await Promise.all([
      shell.run(['tasks', 'show', '01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11', '--json']),
      shell.run(['tasks', 'show', 'abc']),
      shell.run(['run', 'Hello', '--agent', 'nobody']),
    ]);
    assert.equal(missing.code, 1);
    const { error } = JSON.parse(missing.stderr) as { error: { code: string; request_id: string } };
    assert.equal(error.code, 'not_found');
    assert.ok(error.request_id.length > 0);
    assert.equal(wrong.code, 2);
    assert.equal(wrong.stderr, 'reeve: id must be a UUID\n');
    assert.equal(unknown.code, 2);
    assert.equal(unknown.stderr, 'reeve: there is no agent nobody\n');
  });

  test('a second server on the same data directory says who has it and ends with 1', async () => {
    const { code, stdout, stderr } = await shell.run(['serve']);
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`^reeve: .*in use by process ${server.pid} \\(reeve serve, ${server.url}\\)`, 'm'));
  });

  test('SIGINT stops it within 5 s with 0, and it starts again on what it left', async () => {
    const startedAt = performance.now();
    assert.equal(await server.end('SIGINT'), 0);
    assert.ok(performance.now() - startedAt < 5_000);
    const alone = await json<{ server: null; tasks: { by_status: { completed: number } } }>('status');
    assert.equal(alone.server, null);
    server = await startServer({
      dataDirectory: shell.directory,
      url: undefined,
      environment: { REEVE_API_KEY: 'rv_test_key_1234' },
    });
    const denied = await shell.run(['tasks', 'list']);
    assert.equal(denied.code, 5);
    assert.match(denied.stderr, /^reeve: no credential/);
    const allowed = await shell.run(['status'], {
      environment: { REEVE_API_KEY: 'rv_test_key_1234,rv_other_key_1234' },
    });
    assert.equal(allowed.code, 0, allowed.stderr);
    assert.deepEqual((JSON.parse(allowed.stdout) as typeof alone).tasks.by_status, alone.tasks.by_status);
  });
});

test('a server refuses to listen beyond this machine without a credential', async () => {
  await using shell = await createShell();
  const { code, stdout, stderr } = await shell.run(['serve', '--host', '0.0.0.0']);
  assert.equal(code, 5);
  assert.equal(stdout, '');
  assert.match(stderr, /^reeve: refusing to listen on 0\.0\.0\.0 without a credential: set REEVE_API_KEY/);
});
