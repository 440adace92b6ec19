import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { readHolder } from '@reeve/db/lock';
import { sleep } from '@reeve/kit';
import { Command } from 'commander';
import { createPlace, type CliResult, type Place } from './cli-process.ts';

function json<T = Record<string, unknown>>({ stdout }: CliResult): T {
  return JSON.parse(stdout) as T;
}

suite('without a server', () => {
  let place: Place;
  before(async () => void (place = await createPlace()));
  after(() => place[Symbol.asyncDispose]());

  test('run prints only the answer where stdout is piped, and one document with --json', async () => {
    const plain = await place.cli(['run', 'What is 6 * 7?']);
    assert.deepEqual(plain, { code: 0, stdout: '6 * 7 = 42.\n', stderr: '' });
    const whole = await place.cli(['run', '-', '--param', 'unit=kg', '--param', 'count=3', '--json'], {
      input: 'What is 2 + 3?',
    });
    assert.equal(whole.code, 0);
    const run = json<{ status: string; result: string; run_id: string }>(whole);
    assert.equal(run.status, 'completed');
    assert.ok(run.result.length > 0);
    const shown = json<{ run: { input: string }; steps: unknown[] }>(await place.cli(['runs', 'show', run.run_id]));
    assert.equal(shown.run.input, 'What is 2 + 3?\n\nParameters:\n{\n  "unit": "kg",\n  "count": 3\n}');
    assert.ok(shown.steps.length > 0);
  });

  test('run-once works on the queue, tells of every task, and exits with 3 where one failed', async () => {
    const agent = await place.cli(['agents', 'create', '--name', 'Hasty', '--tool', 'calculator', '--max-steps', '1']);
    assert.deepEqual(json<{ limits: { max_steps: number } }>(agent).limits.max_steps, 1);
    const good = json<{ task: { id: string } }>(
      await place.cli([
        'create-task',
        '--agent=assistant',
        '--type=sum',
        '--title=What is 1 + 1?',
        '--payload={"a": 1}',
      ]),
    );
    const bad = json<{ task: { id: string } }>(
      await place.cli([
        'create-task',
        '--agent',
        'hasty',
        '--type',
        'sum',
        '--title',
        'What is 1 + 1?',
        '--priority',
        '5',
      ]),
    );
    const worked = await place.cli(['run-once', '--limit=5']);
    assert.equal(worked.code, 3);
    const { processed, failed } = json<{
      processed: { id: string; agent: string; type: string; status: string; summary: string }[];
      failed: number;
    }>(worked);
    assert.equal(failed, 1);
    assert.deepEqual(
      processed
        .map(({ id, agent, type, status }) => ({ id, agent, type, status }))
        .sort((one, other) => one.id.localeCompare(other.id)),
      [
        { id: good.task.id, agent: 'assistant', type: 'sum', status: 'completed' },
        { id: bad.task.id, agent: 'hasty', type: 'sum', status: 'failed' },
      ],
    );
    const idle = await place.cli(['run-once', '--json']);
    assert.equal(idle.code, 0);
    assert.deepEqual(json(idle), { processed: [], failed: 0 });
  });

  test('run-loop frees the data directory between its rounds and ends with 0 at Ctrl-C', async () => {
    const loop = place.start(['run-loop', '--sleep-seconds=1']);
    const made = await place.cli([
      'create-task',
      '--agent',
      'assistant',
      '--type',
      'sum',
      '--title',
      'What is 20 + 3?',
    ]);
    assert.equal(made.code, 0, made.stderr);
    await loop.said('20 + 3 = 23');
    loop.child.kill('SIGINT');
    const { code, stdout } = await loop.ended;
    assert.equal(code, 0);
    assert.equal((JSON.parse(stdout) as { status: string }).status, 'completed');
  });

  test('piped chat answers each line in one conversation, and tells at the end that some messages failed', async () => {
    const chat = await place.cli(['chat', '--json'], {
      input: 'What is 2 + 2?\n\n/new\nWhat is 3 + 3?\nWhat is 4 + 4?\n/quit\nWhat is 5 + 5?\n',
    });
    assert.equal(chat.code, 0, chat.stderr);
    const answers = chat.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { result: string; session_id: string });
    assert.deepEqual(
      answers.map(({ result }) => result),
      ['2 + 2 = 4.', '3 + 3 = 6.', '4 + 4 = 8.'],
    );
    assert.notEqual(answers[0]!.session_id, answers[1]!.session_id);
    assert.equal(answers[1]!.session_id, answers[2]!.session_id);
    const mixed = await place.cli(['chat', 'hasty'], { input: 'Hello\nWhat is 3 + 3?\n' });
    assert.equal(mixed.code, 3);
    assert.match(mixed.stderr, /^reeve: .*max_steps|^reeve: .*steps/m);
  });

  test('what it prints is JSON wherever it is piped, and nothing else reaches stderr', async () => {
    for (const args of [['status'], ['migrate', '--check'], ['doctor'], ['version', '--json']]) {
      const result = await place.cli(args);
      assert.equal(result.code, 0, `${args.join(' ')}: ${result.stderr}`);
      assert.equal(result.stderr, '', args.join(' '));
      assert.equal(typeof json(result), 'object');
    }
  });

  test('a command that needs a server says so', async () => {
    for (const args of [
      ['tasks', 'watch'],
      ['run', 'Hello', '--detach'],
    ]) {
      const { code, stderr } = await place.cli(args);
      assert.equal(code, 2);
      assert.match(stderr, /needs a running server: start one with "reeve serve"/);
    }
  });

  test('a command waits for another one that has the data directory, then says who has it', async () => {
    const other = place.start(['chat']);
    for (
      const deadline = Date.now() + 30_000;
      readHolder(place.dataDirectory)?.pid !== other.child.pid;
      await sleep(50)
    )
      assert.ok(Date.now() < deadline, 'it has not taken the data directory');
    const held = await place.cli(['status', '--json']);
    assert.equal(held.code, 1);
    const { error } = JSON.parse(held.stderr) as { error: { code: string; message: string } };
    assert.equal(error.code, 'conflict');
    assert.match(error.message, new RegExp(`in use by process ${other.child.pid} \\(reeve chat\\)`));
    other.child.kill('SIGINT');
    assert.equal((await other.ended).code, 130);
  });
});

suite('usage and configuration', () => {
  let place: Place;
  before(async () => void (place = await createPlace()));
  after(() => place[Symbol.asyncDispose]());

  test('wrong usage exits with 2 and one line that says what is wrong', async () => {
    const cases: [string[], RegExp][] = [
      [['zzz'], /^reeve: unknown command 'zzz'/],
      [['tasks', 'list', '--limit', 'x'], /^reeve: .*--limit.*whole number from 1 to 200/],
      [
        ['create-task', '--agent', 'assistant', '--type', 'a', '--title', 'b', '--payload', '{'],
        /^reeve: .*--payload.*JSON object/,
      ],
      [['create-task', '--agent', 'assistant'], /^reeve: required option '--type/],
      [['run'], /^reeve: missing required argument 'task'/],
    ];
    await Promise.all(
      cases.map(async ([args, expected]) => {
        const { code, stdout, stderr } = await place.cli(args);
        assert.equal(code, 2, args.join(' '));
        assert.match(stderr, expected);
        assert.equal(stderr.trim().split('\n').length, 1);
        assert.equal(stdout, '');
      }),
    );
  });

  test('every command has help with an example', async () => {
    const { stdout } = await place.cli(['--help']);
    for (const file of readdirSync(join(import.meta.dirname, 'commands'))) {
      const name = basename(file, '.ts');
      assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
      const { define } = (await import(`./commands/${file}`)) as { define: (command: Command) => void };
      const command = new Command(name);
      define(command);
      for (const leaf of command.commands.length > 0 ? command.commands : [command]) {
        let help = '';
        leaf.configureOutput({ writeOut: (part) => (help += part) }).outputHelp();
        assert.match(help, new RegExp(`Examples?:\n {2}\\$ .*reeve ${name}`), `${name} ${leaf.name()}`);
      }
    }
  });

  test('every wrong configuration value is named, with what is allowed', async () => {
    const environment = { REEVE_PORT: '99999', LOG_LEVEL: 'loud', LLM_PROVIDER: 'abacus' };
    const serve = await place.cli(['serve'], { environment });
    assert.equal(serve.code, 2);
    for (const part of [
      'REEVE_PORT is "99999"',
      '0 to 65535',
      'LOG_LEVEL is "loud"',
      'LLM_PROVIDER is "abacus"',
      'openai-compatible',
    ])
      assert.ok(serve.stderr.includes(part), serve.stderr);
    const check = await place.cli(['config', 'check', '--json'], { environment });
    assert.equal(check.code, 1);
    const { ok, problems } = json<{ ok: boolean; problems: { path: string }[] }>(check);
    assert.equal(ok, false);
    assert.deepEqual(problems.map(({ path }) => path).sort(), ['LLM_PROVIDER', 'LOG_LEVEL', 'REEVE_PORT']);
  });

  test('config check finds what does not go together, and doctor fails by it', async () => {
    const environment = { LLM_PROVIDER: 'openai', REEVE_HOST: '0.0.0.0', REEVE_ROLES: 'worker' };
    const [check, doctor] = await Promise.all([
      place.cli(['config', 'check'], { environment }),
      place.cli(['doctor'], { environment }),
    ]);
    assert.equal(check.code, 1);
    for (const part of ['OPENAI_API_KEY', 'REEVE_API_KEY', 'DATABASE_URL'])
      assert.ok(check.stderr.includes(part), check.stderr);
    assert.equal(doctor.code, 1);
    const failed = json<{ checks: { name: string; state: string }[] }>(doctor).checks.filter(
      ({ state }) => state === 'fail',
    );
    assert.deepEqual(
      failed.map(({ name }) => name),
      ['configuration', 'model'],
    );
  });

  test('a folder of an embedding model is looked at before anything is loaded', async () => {
    const good = join(import.meta.dirname, '../../models/test/fixtures/tiny');
    const look = (path: string, ...args: string[]) =>
      place.cli(args, { environment: { EMBEDDING_PROVIDER: 'onnx', EMBEDDING_MODEL: path } });
    const [check, doctor] = await Promise.all([look('/nowhere', 'config', 'check'), look(good, 'doctor')]);
    assert.equal(check.code, 1);
    assert.match(check.stderr, /EMBEDDING_MODEL is "\/nowhere", but there is no such folder/);
    const { checks } = json<{ checks: { name: string; state: string; evidence: string }[] }>(doctor);
    const { state, evidence } = checks.find(({ name }) => name === 'embedding')!;
    assert.equal(state, 'ok');
    assert.match(evidence, /^onnx\/tiny@[0-9a-f]{12}; configured, not called$/);
  });

  test('secrets are masked in what config show prints', async () => {
    const shown = await place.cli(['config', 'show'], { environment: { REEVE_API_KEY: 'rv_very_secret_key' } });
    assert.ok(!shown.stdout.includes('very_secret'));
    const { values } = json<{ values: { variable: string; value: string; origin: string }[] }>(shown);
    assert.deepEqual(
      values.find(({ variable }) => variable === 'REEVE_API_KEY'),
      {
        variable: 'REEVE_API_KEY',
        value: '***',
        origin: 'environment',
        description: 'Bootstrap admin keys, separated by commas.',
      },
    );
  });

  test('a database that does not fit this program ends every command at once', async () => {
    assert.equal((await place.cli(['migrate'])).code, 0);
    const database = await PGlite.create(join(place.dataDirectory, 'db'));
    await database.exec(`update reeve_migrations set checksum = 'another'`);
    await database.close();
    for (const args of [['status'], ['serve'], ['migrate', '--check']]) {
      const { code, stderr } = await place.cli(args);
      assert.equal(code, 1, args.join(' '));
      assert.match(stderr, /^reeve: the database was migrated with another text/m);
    }
  });

  test('a server that REEVE_URL names and nobody reaches is 4', async () => {
    const { code, stderr } = await place.cli(['status', '--json'], {
      environment: { REEVE_URL: 'http://127.0.0.1:9' },
    });
    assert.equal(code, 4);
    assert.equal((JSON.parse(stderr) as { error: { code: string } }).error.code, 'unreachable');
  });
});
