import assert from 'node:assert/strict';
import { lstat, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openTestTools } from '../../test/tools.ts';
import type { ToolTasks } from '../tool.ts';

const asked: unknown[] = [];
const { registry, sandbox, base, workspace, call, value, refused } = await openTestTools({
  sandboxBackend: 'auto',
  circuitFailureThreshold: 1000,
  context: {
    now: () => new Date('2026-03-29T01:30:00Z'),
    memory: {
      remember: async (input) => (asked.push(input), { id: 'm1', deduplicated: false }),
      recall: async (input) => (
        asked.push(input),
        { matches: [], backend: input.query === 'sea' ? 'fallback' : 'external' }
      ),
      forget: async (id) => (asked.push(id), false),
    },
  },
});
const skip = sandbox.unavailable('bash') ?? false;

describe('calculator', () => {
  it('computes, and explains what it cannot', async () => {
    assert.deepEqual(await value('calculator', { expression: '0.1 + 0.2' }), { value: '0.3' });
    await refused('calculator', { expression: '1 / 0' }, /division by zero/);
  });
});

describe('current_time', () => {
  it('tells the time in a zone, on either side of a clock change', async () => {
    assert.deepEqual(await value('current_time', {}), {
      iso: '2026-03-29T01:30:00+00:00',
      timezone: 'UTC',
      weekday: 'Sunday',
    });
    assert.deepEqual(await value('current_time', { timezone: 'Europe/Berlin' }), {
      iso: '2026-03-29T03:30:00+02:00',
      timezone: 'Europe/Berlin',
      weekday: 'Sunday',
    });
    assert.equal((await value('current_time', { timezone: 'America/Los_Angeles' })).iso, '2026-03-28T18:30:00-07:00');
  });

  it('refuses a zone that does not exist', async () => {
    await refused('current_time', { timezone: 'Mars/Olympus' }, /is no time zone; give an IANA name/);
  });
});

describe('the file tools', () => {
  it('write, read, edit and find a file', async () => {
    assert.deepEqual(await value('write_file', { path: 'notes/a.md', content: 'one\ntwo\nthree\n' }), {
      path: 'notes/a.md',
      bytes_written: 14,
    });
    assert.deepEqual(await value('edit_file', { path: 'notes/a.md', old_text: 'two', new_text: '$& 2' }), {
      path: 'notes/a.md',
      replacements: 1,
    });
    assert.equal((await value('read_file', { path: 'notes/a.md' })).content, 'one\n$& 2\nthree\n');
    assert.deepEqual(await value('glob_files', { pattern: '**/*.md' }), {
      files: ['notes/a.md'],
      total: 1,
      truncated: false,
    });
    assert.deepEqual(await readdir(join(workspace, 'notes')), ['a.md']);
  });

  it('read by lines, and say where to go on', async () => {
    await value('write_file', {
      path: 'lines',
      content: Array.from({ length: 10 }, (_, index) => `line ${index + 1}`).join('\n'),
    });
    assert.deepEqual(await value('read_file', { path: 'lines', offset: 3, limit: 2 }), {
      path: 'lines',
      content: 'line 3\nline 4\n',
      first_line: 3,
      lines: 2,
      next_offset: 5,
    });
    assert.deepEqual(await value('read_file', { path: 'lines', offset: 10 }), {
      path: 'lines',
      content: 'line 10',
      first_line: 10,
      lines: 1,
    });
    await refused('read_file', { path: 'lines', offset: 11 }, /ends before line 11/);
    await value('write_file', { path: 'empty', content: '' });
    assert.deepEqual(await value('read_file', { path: 'empty' }), {
      path: 'empty',
      content: '',
      first_line: 1,
      lines: 0,
    });
  });

  it('read a large file piece by piece, without losing or repeating anything', async () => {
    const content = Array.from({ length: 20_000 }, (_, index) => `${index} ${'ü'.repeat(index % 40)}`).join('\n');
    await value('write_file', { path: 'large', content });
    let [read, offset] = ['', 1];
    for (;;) {
      const part = await value('read_file', { path: 'large', offset, limit: 100_000 });
      read += part.content as string;
      if (part.next_offset === undefined) break;
      offset = part.next_offset as number;
    }
    assert.equal(read, content);
    await value('write_file', { path: 'one-line', content: `${'ü'.repeat(200_000)}\nend` });
    const cut = await value('read_file', { path: 'one-line' });
    assert.ok(String(cut.note).includes('was cut') && cut.next_offset === 2 && !String(cut.content).includes('\uFFFD'));
    assert.equal((await value('read_file', { path: 'one-line', offset: 2 })).content, 'end');
  });

  it('refuse binary files, directories, missing files and files too large', async () => {
    await writeFile(join(workspace, 'binary'), Buffer.from([1, 0, 2]));
    await writeFile(join(workspace, 'latin'), Buffer.from([0x66, 0xfc, 0x72]));
    for (const path of ['binary', 'latin']) {
      await refused('read_file', { path }, /is a binary file/);
      await refused('edit_file', { path, old_text: 'a', new_text: 'b' }, /is a binary file/);
    }
    await refused('read_file', { path: 'missing' }, /"missing" does not exist/);
    await refused('read_file', { path: '.' }, /is a directory/);
    await refused('write_file', { path: 'big', content: 'x'.repeat(5 * 1024 * 1024 + 1) }, /5242880 are allowed/);
    await writeFile(join(workspace, 'big'), Buffer.alloc(5 * 1024 * 1024 + 1, 'x'));
    await refused(
      'edit_file',
      { path: 'big', old_text: 'x', new_text: 'y', replace_all: true },
      /larger than 5242880 bytes/,
    );
  });

  it('edit only what is meant', async () => {
    await value('write_file', { path: 'f', content: 'aXbXc' });
    await refused('edit_file', { path: 'f', old_text: 'Y', new_text: 'Z' }, /does not occur/);
    await refused('edit_file', { path: 'f', old_text: 'X', new_text: 'Z' }, /occurs 2 times/);
    await refused('edit_file', { path: 'f', old_text: 'X', new_text: 'X' }, /are the same/);
    assert.equal(
      (await value('edit_file', { path: 'f', old_text: 'X', new_text: 'Z', replace_all: true })).replacements,
      2,
    );
    assert.equal(await readFile(join(workspace, 'f'), 'utf8'), 'aZbZc');
  });

  it('refuse every way out of the workspace', async () => {
    const outside = join(base, 'outside.txt');
    await writeFile(outside, 'secret');
    await symlink(outside, join(workspace, 'link'));
    await symlink(base, join(workspace, 'dir'));
    for (const path of ['/etc/passwd', '../../../outside.txt', 'link', 'dir/outside.txt', outside]) {
      await refused('read_file', { path }, /workspace/);
      await refused('write_file', { path, content: 'planted' }, /workspace/);
      await refused('edit_file', { path, old_text: 'secret', new_text: 'planted' }, /workspace/);
    }
    assert.deepEqual((await value('glob_files', { pattern: '**' })).files, []);
    assert.equal(await readFile(outside, 'utf8'), 'secret');
    assert.ok((await lstat(join(workspace, 'link'))).isSymbolicLink());
  });

  it('list no more than asked for', async () => {
    for (const name of ['c', 'a', 'b']) await value('write_file', { path: name, content: '' });
    const outcome = await call('glob_files', { pattern: '*', limit: 2 });
    assert.deepEqual([outcome.result.files, outcome.result.total, outcome.truncated], [['a', 'b'], 3, true]);
    await refused('glob_files', { pattern: '{a,b}'.repeat(12) }, /braces/);
  });
});

describe('run_code', () => {
  it('gives the value and what was printed', async () => {
    const outcome = await call('run_code', {
      language: 'javascript',
      code: 'console.log("hi"); [1, 2].map((n) => n * 2)',
    });
    assert.deepEqual(
      [outcome.tool_status, outcome.result, outcome.stdout, outcome.exit_code],
      ['success', { value: [2, 4], stdout: 'hi\n' }, 'hi\n', null],
    );
  });

  it('shows the model what went wrong', async () => {
    const outcome = await call('run_code', { code: 'nope()' });
    assert.equal(outcome.tool_status, 'error');
    assert.match(String(outcome.result.error), /'nope' is not defined/);
    await refused('run_code', { language: 'python', code: '1' }, /language: must be "javascript"/);
  });
});

describe('bash_execute', { skip }, () => {
  it('shares its files with the file tools, both ways', async () => {
    await value('write_file', { path: 'in.txt', content: 'from the host' });
    const outcome = await call('bash_execute', {
      command: 'cat in.txt; echo from the sandbox > out.txt; echo more >> in.txt',
    });
    assert.deepEqual([outcome.tool_status, outcome.exit_code, outcome.stdout], ['success', 0, 'from the host']);
    assert.equal((await value('read_file', { path: '/workspace/out.txt' })).content, 'from the sandbox\n');
    await value('edit_file', { path: 'out.txt', old_text: 'the sandbox', new_text: 'both' });
    assert.equal(
      (await call('bash_execute', { command: 'cat out.txt; echo again >> out.txt && rm in.txt' })).stdout,
      'from both\n',
    );
  });

  it('shows the model exit code, output and deadline', async () => {
    const failed = await call('bash_execute', { command: 'echo out; echo err >&2; exit 4' });
    assert.deepEqual(
      [failed.tool_status, failed.exit_code, failed.result],
      ['error', 4, { error: 'the command exited with 4', exit_code: 4, stdout: 'out\n', stderr: 'err\n' }],
    );
    const slow = await call('bash_execute', { command: 'sleep 60', timeout_ms: 200 });
    assert.deepEqual([slow.tool_status, slow.exit_code], ['timeout', null]);
    await refused('bash_execute', { command: 'true', timeout_ms: 999_999_999 }, /timeout_ms/);
  });

  it('cannot lead the file tools out by a link that it planted', async () => {
    await value('bash_execute', { command: 'ln -s /etc etc; ln -s ../../../.. up; mkfifo pipe' });
    await refused('read_file', { path: 'etc/passwd' }, /outside the workspace/);
    await refused('write_file', { path: 'up/planted', content: 'x' }, /outside the workspace/);
    await refused('read_file', { path: 'pipe' }, /not a regular file/);
  });
});

describe('python_execute and node_execute', { skip }, () => {
  const programs = {
    python_execute: {
      language: 'python',
      shares: 'print(open("in.txt").read())\nopen("out.txt", "w").write("written")',
      fails: 'import sys\nprint("out")\nprint("err", file=sys.stderr)\nsys.exit(4)',
      sleeps: 'import time\ntime.sleep(60)',
    },
    node_execute: {
      language: 'node',
      shares:
        'import fs from "node:fs"; console.log(fs.readFileSync("in.txt", "utf8")); fs.writeFileSync("out.txt", "written")',
      fails: 'console.log("out"); console.error("err"); process.exitCode = 4',
      sleeps: 'setTimeout(() => {}, 60_000)',
    },
  } as const;
  for (const [name, { language, shares, fails, sleeps }] of Object.entries(programs)) {
    const without = sandbox.unavailable(language) ?? false;

    it(`${name} shares its files with the file tools, both ways`, { skip: without }, async () => {
      await value('write_file', { path: 'in.txt', content: 'from the host' });
      const outcome = await call(name, { code: shares });
      assert.deepEqual([outcome.tool_status, outcome.exit_code, outcome.stdout], ['success', 0, 'from the host\n']);
      assert.equal((await value('read_file', { path: 'out.txt' })).content, 'written');
    });

    it(`${name} shows the model exit code, output and deadline`, { skip: without }, async () => {
      const failed = await call(name, { code: fails });
      assert.deepEqual(
        [failed.tool_status, failed.exit_code, failed.result],
        ['error', 4, { error: 'the program exited with 4', exit_code: 4, stdout: 'out\n', stderr: 'err\n' }],
      );
      const slow = await call(name, { code: sleeps, timeout_ms: 200 });
      assert.deepEqual([slow.tool_status, slow.exit_code], ['timeout', null]);
      await refused(name, { code: '1', timeout_ms: 999_999_999 }, /timeout_ms/);
    });
  }
});

describe('delegate_to_agent', () => {
  it('says what a call asks of whom, or what is wrong with it, and does nothing outside a run', async () => {
    const input = { agent: 'scout', message: 'look' };
    assert.deepEqual(registry.delegation('delegate_to_agent', input), { asked: { ...input, sessionId: undefined } });
    const wrong = registry.delegation('delegate_to_agent', { agent: 'scout' });
    assert.match(JSON.stringify(wrong), /refused.*message.*delegate_to_agent takes/);
    assert.equal(registry.delegation('calculator', input), undefined);
    await refused('delegate_to_agent', input, /only a running agent can delegate/);
  });
});

describe('create_task', () => {
  it('puts a task into the queue, now or later, and does nothing outside a run', async () => {
    await refused('create_task', { title: 'look' }, /only a running agent can create a task/);
    const created: Parameters<ToolTasks['create']>[0][] = [];
    const tasks: ToolTasks = {
      async create(task) {
        created.push(task);
        return { id: 't1', agentId: task.agent ?? 'self', runAt: task.runAt ?? null };
      },
    };
    const inRun = { tasks };
    assert.deepEqual(await value('create_task', { title: 'look' }, inRun), { task_id: 't1', agent: 'self' });
    assert.deepEqual(
      await value('create_task', { agent: 'scout', title: 'look', instructions: 'far', in_seconds: 90 }, inRun),
      {
        task_id: 't1',
        agent: 'scout',
        run_at: '2026-03-29T01:31:30.000Z',
      },
    );
    const at = '2026-12-31T09:00:00+01:00';
    assert.equal((await value('create_task', { title: 'look', run_at: at }, inRun)).run_at, at);
    await refused(
      'create_task',
      { title: 'look', run_at: at, in_seconds: 1 },
      /either "run_at" or "in_seconds"/,
      inRun,
    );
    await refused('create_task', { title: 'look', run_at: 'tomorrow' }, /run_at/, inRun);
    assert.deepEqual(created.slice(0, 2), [
      { agent: undefined, title: 'look', description: '', runAt: undefined },
      { agent: 'scout', title: 'look', description: 'far', runAt: '2026-03-29T01:31:30.000Z' },
    ]);
    assert.equal(created.length, 3);
  });
});

describe('the memory tools', () => {
  it('pass on what they are given, with defaults', async () => {
    assert.deepEqual(await value('remember', { text: 'The sky is blue.' }), { id: 'm1', deduplicated: false });
    assert.deepEqual(await value('recall', { query: 'sky' }), { matches: [] });
    assert.deepEqual(await value('recall', { query: 'sea' }), { matches: [], backend: 'fallback' });
    const id = '01994d6e-7c1b-7a35-8d0c-0f2f6b3a9c11';
    assert.deepEqual(await value('forget', { id: id.toUpperCase() }), { forgotten: false });
    assert.deepEqual(asked, [
      { text: 'The sky is blue.', tags: [] },
      { query: 'sky', top_k: 5, tags: [], kinds: ['memory'] },
      { query: 'sea', top_k: 5, tags: [], kinds: ['memory'] },
      id,
    ]);
    await refused('forget', { id: 'the sky' }, /id: must be a UUID/);
    await refused('remember', { text: '' }, /text: must be 1 to 20000 characters/);
  });
});
