import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Approval, Run, Step } from '@reeve/contract';
import { silentLog } from '@reeve/kit';
import { openSandbox } from '@reeve/sandbox';
import { startServer, type ServerProcess } from '@reeve/testing';
import type { RunningCommand } from '../test/running.ts';
import { withoutTerminal } from '../test/process.ts';
import { runJson } from '../test/served-shell.ts';
import { createShell, type TestShell } from '../test/shell.ts';

const NOBODY = '01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11';
const CAREFUL = ['agents', 'create', '--name', 'Careful', '--tool', 'calculator', '--approval', 'calculator'];
const ASK = ['run', 'What is 6 * 7?', '--agent', 'careful'];

const sandbox = await openSandbox({ sandboxBackend: 'auto' }, silentLog);
await sandbox.whenProbed();
after(() => sandbox[Symbol.asyncDispose]());
const withoutBash = sandbox.unavailable('bash') ?? false;

interface Summary {
  readonly run_id: string;
  readonly session_id: string;
  readonly status: string;
  readonly waiting_for: string | null;
  readonly approvals: { id: string }[];
  readonly result: string | null;
}

/** The only approval that waits, of the run of a command that waits for it. */
async function waiting(shell: TestShell, run: RunningCommand): Promise<Approval> {
  await run.printed('reeve approvals approve');
  const { approvals } = await runJson<{ approvals: Approval[] }>(shell, ['approvals', 'list']);
  assert.equal(approvals.length, 1);
  return approvals[0]!;
}

suite('decisions by hand, beside a server', () => {
  let shell: TestShell;
  let server: ServerProcess;
  before(async () => {
    shell = await createShell();
    server = await startServer({ dataDirectory: shell.directory, url: undefined });
    await runJson(shell, CAREFUL);
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await shell[Symbol.asyncDispose]();
  });

  test('a run without a terminal says what it waits for and how to decide, and goes on with the decision', async () => {
    const run = shell.start(ASK);
    const { id, kind, tool, run_id } = await waiting(shell, run);
    assert.deepEqual([kind, tool], ['tool_call', 'calculator']);
    const shown = await runJson<{ run: Run }>(shell, ['runs', 'show', run_id!]);
    assert.deepEqual([shown.run.status, shown.run.waiting_for], ['queued', 'approval']);
    const inbox = await runJson<{ approvals: Approval[] }>(shell, ['tasks', 'inbox']);
    assert.deepEqual(
      inbox.approvals.map((approval) => [approval.id, approval.kind]),
      [[id, 'tool_call']],
    );
    assert.equal((await runJson<Approval>(shell, ['approvals', 'show', id])).status, 'pending');
    const approved = await runJson<Approval>(shell, ['approvals', 'approve', id, '--reason', 'fine']);
    assert.deepEqual([approved.status, approved.reason], ['approved', 'fine']);
    const { code, stdout, stderr } = await run.ended;
    assert.deepEqual([code, stdout], [0, '6 * 7 = 42.\n']);
    assert.match(stderr, new RegExp(`may it call calculator .*6 \\* 7.*\nreeve approvals approve ${id}`));
    assert.equal((await runJson<Approval>(shell, ['approvals', 'show', id])).status, 'approved');
    const twice = await shell.run(['approvals', 'reject', id]);
    assert.deepEqual([twice.code, twice.stderr], [1, 'reeve: it is approved already by local\n']);
  });

  test('an approved call can be given another input, from a file too', async () => {
    const run = shell.start([...ASK, '--json']);
    const { id } = await waiting(shell, run);
    const wrong = await shell.run(['approvals', 'approve', id, '--input', '{"expression": 5}']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /edited_input\.expression/);
    await writeFile(join(shell.directory, 'input.json'), '{"expression": "3 + 4"}');
    const approved = await runJson<Approval>(shell, ['approvals', 'approve', id, '--input', '@input.json']);
    assert.deepEqual(approved.edited_input, { expression: '3 + 4' });
    const summary = JSON.parse((await run.ended).stdout) as Summary & { tool_calls: { output: unknown }[] };
    assert.deepEqual([summary.status, summary.waiting_for, summary.approvals], ['completed', null, []]);
    assert.match(JSON.stringify(summary.tool_calls[0]!.output), /3 \+ 4/);
  });

  test('a fork shows which steps it shares, and follows as run does', async () => {
    const first = await runJson<Summary>(shell, ['run', 'What is 2 + 3?', '--json']);
    const forked = await runJson<Summary>(shell, ['runs', 'fork', first.run_id, '--from', '3', '--follow', '--json']);
    assert.deepEqual([forked.status, forked.result], ['completed', first.result]);
    const { run, steps } = await runJson<{ run: Run; steps: Step[] }>(shell, ['runs', 'show', forked.run_id]);
    assert.deepEqual([run.forked_from, run.fork_step], [first.run_id, 3]);
    assert.deepEqual(
      steps.map(({ run_id }) => run_id),
      [first.run_id, first.run_id, forked.run_id],
    );
    const started = await runJson<Run>(shell, [
      'runs',
      'fork',
      first.run_id,
      '--from',
      '4',
      '--message',
      'What is 1 + 1?',
    ]);
    const told = await shell.run(['runs', 'events', started.id]);
    assert.match(told.stdout, /1 \+ 1 = 2/);
    const wrong = await shell.run(['runs', 'fork', first.run_id, '--from', '9']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /from_step.*from 1 to 4|from 1 to 4/);
  });

  test('a message to a busy conversation is refused, or stops what keeps it busy, as --multitask says', async () => {
    const run = shell.start([...ASK, '--json']);
    const { id, run_id } = await waiting(shell, run);
    const { session_id } = (await runJson<{ run: Run }>(shell, ['runs', 'show', run_id!])).run;
    const again = ['run', 'What is 1 + 1?', '--session', session_id, '--json', '--multitask'];
    const refused = await shell.run([...again, 'reject']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /"conflict"/);
    const next = await runJson<Summary>(shell, [...again, 'interrupt']);
    assert.match(next.result!, /1 \+ 1 = 2/);
    const { code, stdout } = await run.ended;
    assert.deepEqual([code, (JSON.parse(stdout) as Summary).status], [1, 'cancelled']);
    assert.equal((await runJson<Approval>(shell, ['approvals', 'show', id])).status, 'withdrawn');
  });

  test(
    'what became of a call that a crash hid is told by hand, and the call is not repeated',
    { skip: withoutBash },
    async () => {
      await runJson(shell, ['agents', 'create', '--name', 'Shell', '--tool', 'bash_execute']);
      const run = shell.start([
        'run',
        'Run this command: echo begun >> log.txt; sleep 100',
        '--agent',
        'shell',
        '--json',
      ]);
      const running = async () => {
        const { runs } = await runJson<{ runs: Run[] }>(shell, ['runs', 'list', '--agent', 'shell']);
        const steps = runs[0] && (await runJson<{ steps: Step[] }>(shell, ['runs', 'show', runs[0].id])).steps;
        return steps?.some(({ kind, attempt }) => kind === 'tool' && attempt > 0);
      };
      while (!(await running()));
      const { port } = new URL(server.url);
      await server.end('SIGKILL');
      server = await startServer({ dataDirectory: shell.directory, url: undefined, environment: { REEVE_PORT: port } });
      await run.printed('(calls it again: what it does may then have happened twice)');
      const { id, kind } = await waiting(shell, run);
      assert.equal(kind, 'tool_outcome');
      const given = await runJson<Approval>(shell, ['approvals', 'approve', id, '--result', '{"stdout": "by hand"}']);
      assert.deepEqual(given.result, { stdout: 'by hand' });
      const { code, stdout, stderr } = await run.ended;
      assert.equal(code, 0, stderr);
      assert.match(JSON.stringify((JSON.parse(stdout) as { tool_calls: unknown }).tool_calls), /by hand/);
    },
  );

  suite('at a terminal', () => {
    const type = (cli: RunningCommand, text: string) => cli.type(text);
    const CHOICES = '[y]es, [n]o, [e]dit the input, [l]ater';

    test('run asks, takes an answer with a reason, and shows what follows', { skip: withoutTerminal }, async () => {
      const run = shell.startProcess(ASK, { terminal: true });
      await run.printed(CHOICES);
      type(run, 'perhaps\r');
      await run.printed('y makes the call');
      type(run, 'n too risky\r');
      const { code, stdout } = await run.ended;
      assert.equal(code, 0, stdout);
      assert.match(stdout, /calculator is not called, and the agent is told so/);
      assert.match(stdout, /✗ rejected: too risky/);
      assert.match(stdout, /← denied/);
    });

    test('chat asks among its lines, with the input to be changed in place', { skip: withoutTerminal }, async () => {
      const chat = shell.startProcess(['chat', 'careful'], { terminal: true });
      await chat.printed('> ');
      type(chat, 'What is 6 * 7?\r');
      await chat.printed(CHOICES);
      type(chat, 'e\r');
      await chat.printed('the input: ');
      // Backspaces over the end of it.
      type(chat, `\x7f\x7f\x7f8"}\r`);
      await chat.printed('calculator is called with the changed input');
      await chat.printed('48');
      type(chat, '/quit\r');
      assert.equal((await chat.ended).code, 0);
    });

    test('a question that somebody else answers goes away, and one that is put off leaves the run waiting', async () => {
      const run = shell.start(ASK, { terminal: true });
      await run.printed(CHOICES);
      const { approvals } = await runJson<{ approvals: Approval[] }>(shell, ['approvals', 'list']);
      await runJson(shell, ['approvals', 'approve', approvals[0]!.id]);
      const { code, stdout } = await run.ended;
      assert.equal(code, 0, stdout);
      assert.match(stdout, /✓ approved/);

      const later = shell.start(ASK, { terminal: true });
      await later.printed(CHOICES);
      type(later, 'l\r');
      assert.equal((await later.ended).code, 1);
      const open = await runJson<{ approvals: Approval[] }>(shell, ['approvals', 'list']);
      assert.equal(open.approvals.length, 1);
      await runJson(shell, ['runs', 'cancel', open.approvals[0]!.run_id!]);
    });
  });

  test('wrong usage is 2, and what is not there 1', async () => {
    const cases: [string[], number, RegExp][] = [
      [['approvals', 'list', '--status', 'open'], 2, /pending, approved, rejected, withdrawn/],
      [['approvals', 'approve', NOBODY, '--input', '[1]'], 2, /--input must be a JSON object/],
      [['approvals', 'approve', NOBODY, '--result', 'sent'], 2, /--result must be JSON/],
      [['approvals', 'approve', NOBODY, '--input', '@missing.json'], 2, /missing\.json/],
      [['approvals', 'approve', NOBODY, '--input', '{}', '--result', '1'], 2, /either --input or --result/],
      [['approvals', 'show', NOBODY], 1, /there is no approval/],
      [['approvals', 'reject', NOBODY], 1, /there is no approval/],
      [['runs', 'fork', NOBODY], 2, /--from/],
      [['runs', 'fork', NOBODY, '--from', '0'], 2, /whole number from 1/],
      [['chat', '--multitask', 'queue'], 2, /enqueue, reject, interrupt, rollback/],
    ];
    await Promise.all(
      cases.map(async ([args, expected, message]) => {
        const { code, stderr } = await shell.run(args);
        assert.equal(code, expected, `${args.join(' ')}: ${stderr}`);
        assert.match(stderr, message);
      }),
    );
  });
});

suite('decisions by hand, without a server', () => {
  let shell: TestShell;
  before(async () => {
    shell = await createShell();
    await runJson(shell, CAREFUL);
  });
  after(() => shell[Symbol.asyncDispose]());

  test('a run that waits for a decision is left, and run-once works on it once there is one', async () => {
    const left = await shell.run([...ASK, '--json']);
    assert.equal(left.code, 1);
    const { run_id, status, waiting_for, approvals } = JSON.parse(left.stdout) as Summary;
    assert.deepEqual([status, waiting_for, approvals.length], ['queued', 'approval', 1]);
    assert.match(left.stderr, /reeve approvals approve .*"reeve run-once" works on it/s);
    await runJson(shell, ['approvals', 'approve', approvals[0]!.id]);
    await runJson(shell, ['run-once']);
    const { run } = await runJson<{ run: Run }>(shell, ['runs', 'show', run_id]);
    assert.deepEqual([run.status, run.result], ['completed', '6 * 7 = 42.']);
  });

  test('at a terminal the run goes on with the decision in this process', async () => {
    const run = shell.start(ASK, { terminal: true });
    await run.printed('[y]es');
    run.type('y\r');
    const { code, stdout } = await run.ended;
    assert.equal(code, 0, stdout);
    assert.match(stdout, /6 \* 7 = 42/);
  });

  test('a message behind a run that waits is left too', async () => {
    const first = JSON.parse((await shell.run([...ASK, '--json'])).stdout) as Summary;
    const second = await shell.run(['run', 'What is 1 + 1?', '--session', first.session_id, '--json']);
    assert.equal(second.code, 1, second.stderr);
    assert.equal((JSON.parse(second.stdout) as Summary).status, 'queued');
    await runJson(shell, ['runs', 'cancel', first.run_id]);
  });
});
