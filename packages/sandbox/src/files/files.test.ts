import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { listInside, openInside, resolveInside, writeInside } from './files.ts';
import { SANDBOX_UID, workspacePath } from './workspace.ts';

let base: string;
let workspace: string;
let outside: string;
const signal = new AbortController().signal;

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'reeve-files-'));
  outside = join(base, 'outside');
});
after(() => rm(base, { recursive: true, force: true }));
beforeEach(async () => {
  await rm(join(base, 'w'), { recursive: true, force: true });
  await rm(outside, { recursive: true, force: true });
  await mkdir(outside);
  await writeFile(join(outside, 'secret.txt'), 'secret');
  workspace = await workspacePath(join(base, 'w'), 'acme', 'session-1');
});

async function read(path: string): Promise<string> {
  await using handle = await openInside(workspace, path);
  return await handle.readFile('utf8');
}
const refused = (message: RegExp) => ({ name: 'ReeveError', reason: 'invalid_request', message });

describe('workspacePath', () => {
  it('gives each session a directory of its own that nobody else can enter', async () => {
    assert.equal(workspace, join(base, 'w', 'acme', 'session-1'));
    const found = await stat(workspace);
    assert.equal(found.mode & 0o777, 0o700);
    assert.equal(found.uid, process.getuid?.() === 0 ? SANDBOX_UID : process.getuid?.());
    assert.equal((await stat(join(base, 'w', 'acme'))).mode & 0o066, 0);
    assert.equal(await workspacePath(join(base, 'w'), 'acme', 'session-1'), workspace);
  });

  it('refuses ids that are no plain names', async () => {
    for (const id of ['', '.', '..', '../x', 'a/b', '.hidden', 'a\0b', 'a\n', 'x'.repeat(129)]) {
      await assert.rejects(workspacePath(base, id, 's'), refused(/tenant id/));
      await assert.rejects(workspacePath(base, 't', id), refused(/session id/));
    }
  });
});

describe('a path inside a workspace', () => {
  it('may be relative, or absolute as commands see it', async () => {
    await writeInside(workspace, 'a/b.txt', Buffer.from('hi'));
    for (const path of ['a/b.txt', './a//b.txt', '/workspace/a/b.txt', join(workspace, 'a/b.txt')])
      assert.equal(await read(path), 'hi');
    assert.equal(await resolveInside(workspace, 'not/yet/there'), join(workspace, 'not/yet/there'));
    assert.equal(await resolveInside(workspace, '.'), workspace);
  });

  it('is refused where it is absolute and elsewhere, climbs, holds NUL or is too long', async () => {
    await assert.rejects(resolveInside(workspace, '/etc/passwd'), refused(/outside the workspace/));
    await assert.rejects(resolveInside(workspace, '/workspace2/x'), refused(/outside the workspace/));
    await assert.rejects(resolveInside(workspace, 'a/../../x'), refused(/contains "\.\."/));
    await assert.rejects(resolveInside(workspace, 'a\0b'), refused(/NUL/));
    await assert.rejects(resolveInside(workspace, ''), refused(/is empty/));
    await assert.rejects(resolveInside(workspace, 'x'.repeat(256)), refused(/255 bytes/));
    await assert.rejects(resolveInside(workspace, 'x/'.repeat(3000)), refused(/4096 bytes/));
  });

  it('is refused where a link leads outside, in whatever way', async () => {
    await mkdir(join(workspace, 'a'));
    await symlink(outside, join(workspace, 'absolute'));
    await symlink('../../../outside', join(workspace, 'relative'));
    await symlink('../..', join(workspace, 'a', 'up'));
    await symlink('absolute', join(workspace, 'chain'));
    await symlink('missing/../../../../outside', join(workspace, 'dangling'));
    await symlink(join(outside, 'secret.txt'), join(workspace, 'file'));
    await symlink('/proc/self/root', join(workspace, 'proc'));
    for (const path of [
      'absolute/secret.txt',
      'relative/secret.txt',
      'a/up/x',
      'chain/secret.txt',
      'dangling/secret.txt',
      'file',
      'proc/etc/passwd',
    ]) {
      await assert.rejects(resolveInside(workspace, path), refused(/outside the workspace/), path);
      await assert.rejects(read(path), refused(/outside the workspace/), path);
      await assert.rejects(writeInside(workspace, path, Buffer.from('x')), refused(/outside the workspace/), path);
    }
    assert.deepEqual(await readdir(outside), ['secret.txt']);
    assert.equal(await readFile(join(outside, 'secret.txt'), 'utf8'), 'secret');
  });

  it('follows links that stay inside, and gives up on loops', async () => {
    await writeInside(workspace, 'a/b.txt', Buffer.from('hi'));
    await symlink('/workspace/a', join(workspace, 'seen-by-commands'));
    await symlink('../a/./b.txt', join(workspace, 'a', 'sibling'));
    await symlink('loop', join(workspace, 'loop'));
    assert.equal(await read('seen-by-commands/b.txt'), 'hi');
    await writeInside(workspace, 'a/sibling', Buffer.from('through the link'));
    assert.equal(await read('a/b.txt'), 'through the link');
    assert.equal((await lstat(join(workspace, 'a', 'sibling'))).isSymbolicLink(), true);
    await assert.rejects(resolveInside(workspace, 'loop'), refused(/too many links/));
  });

  it('never resolves outside, whatever is asked for', async () => {
    await mkdir(join(workspace, 'a/b'), { recursive: true });
    await symlink('..', join(workspace, 'a/b/up'));
    await symlink('/workspace/a', join(workspace, 'abs'));
    await symlink('../../..', join(workspace, 'a/out'));
    await symlink('/etc', join(workspace, 'etc'));
    const name = fc.oneof(
      fc.constantFrom(
        'a',
        'b',
        'up',
        'abs',
        'out',
        'etc',
        '..',
        '.',
        '',
        'new',
        'workspace',
        '~',
        '\\',
        '%2e%2e',
        '..\0',
      ),
      fc.string({ unit: 'binary', maxLength: 12 }),
    );
    const path = fc
      .tuple(fc.constantFrom('', '/', '//', '/workspace/', './'), fc.array(name, { maxLength: 8 }))
      .map(([start, names]) => start + names.join('/'));
    await fc.assert(
      fc.asyncProperty(path, async (asked) => {
        const resolved = await resolveInside(workspace, asked).catch((error: { reason?: string }) => {
          assert.equal(error.reason, 'invalid_request', JSON.stringify(error));
          return workspace;
        });
        assert.ok(resolved === workspace || resolved.startsWith(workspace + sep), resolved);
        assert.ok(!resolved.split(sep).includes('..'), resolved);
      }),
      cases(500),
    );
  });
});

describe('files of a workspace', () => {
  it('are replaced whole and keep their permissions and owner', async () => {
    await writeInside(workspace, 'run.sh', Buffer.from('one'));
    const { chmod } = await import('node:fs/promises');
    await chmod(join(workspace, 'run.sh'), 0o755);
    await writeInside(workspace, 'run.sh', Buffer.from('two'));
    const found = await stat(join(workspace, 'run.sh'));
    assert.deepEqual(
      [found.mode & 0o777, found.uid, await read('run.sh')],
      [0o755, (await stat(workspace)).uid, 'two'],
    );
    assert.deepEqual(await readdir(workspace), ['run.sh']);
  });

  it('are refused where they are directories, missing, or no regular files', async () => {
    await mkdir(join(workspace, 'dir'));
    await assert.rejects(read('dir'), refused(/is a directory/));
    await assert.rejects(writeInside(workspace, 'dir', Buffer.from('')), refused(/is a directory/));
    await assert.rejects(read('nope'), refused(/does not exist/));
    const made = spawn('mkfifo', [join(workspace, 'pipe')]);
    await once(made, 'close');
    await assert.rejects(read('pipe'), refused(/not a regular file/));
    await assert.rejects(writeInside(workspace, 'pipe', Buffer.from('')), refused(/not a regular file/));
  });

  it('are listed in order, without links, up to the limit', async () => {
    for (const path of ['b.txt', 'a/z.txt', 'a/b/c.txt']) await writeInside(workspace, path, Buffer.from(''));
    await symlink('/etc', join(workspace, 'etc'));
    await symlink('.', join(workspace, 'self'));
    assert.deepEqual(await listInside(workspace, { maxEntries: 100, signal }), {
      paths: ['a/b/c.txt', 'a/z.txt', 'b.txt'],
      complete: true,
    });
    assert.equal((await listInside(workspace, { maxEntries: 2, signal })).complete, false);
    await assert.rejects(listInside(workspace, { maxEntries: 100, signal: AbortSignal.abort() }), {
      reason: 'cancelled',
    });
  });

  it('leave no descriptor open', { skip: process.platform === 'linux' ? false : 'needs /proc' }, async () => {
    await symlink('/etc', join(workspace, 'etc'));
    const count = async () => (await readdir('/proc/self/fd')).length;
    const before = await count();
    for (let round = 0; round < 50; round++) {
      await writeInside(workspace, 'a/b/c', Buffer.from('x'));
      await read('a/b/c');
      await read('etc/passwd').catch(() => undefined);
      await read('a/b/c/d').catch(() => undefined);
      await listInside(workspace, { maxEntries: 3, signal });
    }
    assert.ok((await count()) <= before + 2, `${before} descriptors became ${await count()}`);
  });
});

describe(
  'a command that swaps a directory for a link while Reeve works',
  { skip: process.platform === 'linux' ? false : 'commands run on Linux only' },
  () => {
    it('gets nothing read and nothing written outside', async () => {
      await writeInside(workspace, 'd/secret.txt', Buffer.from('harmless'));
      const swapper = spawn(
        process.execPath,
        [
          '-e',
          `
      const fs = require('node:fs');
      process.chdir(${JSON.stringify(workspace)});
      fs.symlinkSync(${JSON.stringify(outside)}, 'link');
      process.stdout.write('ready');
      for (;;) {
        try {
          fs.renameSync('d', 'kept'); fs.renameSync('link', 'd'); fs.renameSync('d', 'link'); fs.renameSync('kept', 'd');
        } catch {
          // The host made a directory d while there was none: begin again, as often as it takes.
          try {
            for (const name of ['d', 'kept', 'link']) fs.rmSync(name, { recursive: true, force: true });
            fs.symlinkSync(${JSON.stringify(outside)}, 'link');
            fs.mkdirSync('d');
            fs.writeFileSync('d/secret.txt', 'harmless');
          } catch {}
        }
      }
    `,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const closed = once(swapper, 'close');
      try {
        await once(swapper.stdout!, 'data');
        let [served, refusedCount] = [0, 0];
        const attempt = async (work: Promise<unknown>) => {
          try {
            const text = await work;
            if (typeof text === 'string') assert.notEqual(text, 'secret');
            served += 1;
          } catch (error) {
            assert.equal((error as { reason?: string }).reason, 'invalid_request', String(error));
            refusedCount += 1;
          }
        };
        const endAt = Date.now() + 2_000;
        while (Date.now() < endAt) {
          await attempt(read('d/secret.txt'));
          await attempt(writeInside(workspace, 'd/planted.txt', Buffer.from('planted')));
          await attempt(writeInside(workspace, 'd/sub/planted.txt', Buffer.from('planted')));
          await attempt(
            listInside(workspace, { maxEntries: 1000, signal }).then(({ paths }) =>
              assert.ok(!paths.some((path) => path.startsWith('link/'))),
            ),
          );
        }
        assert.ok(served > 20 && refusedCount > 20, `${served} served, ${refusedCount} refused: the race was not run`);
      } finally {
        swapper.kill('SIGKILL');
        await closed;
      }
      assert.deepEqual(await readdir(outside), ['secret.txt']);
      assert.equal(await readFile(join(outside, 'secret.txt'), 'utf8'), 'secret');
    });
  },
);
