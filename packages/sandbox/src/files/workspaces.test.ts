import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { archiveInside } from './archive.ts';
import { readDirectoryInside } from './files.ts';
import { createQuota } from './quota.ts';
import { removeTree } from './remove-tree.ts';
import { isRoot, SANDBOX_UID } from './workspace.ts';
import { createWorkspaces, type Workspaces } from './workspaces.ts';

const MIB = 1024 * 1024;
const signal = new AbortController().signal;
let base: string;
let workspaces: Workspaces;
let workspace: string;
before(async () => void (base = await mkdtemp(join(tmpdir(), 'reeve-workspaces-'))));
after(() => rm(base, { recursive: true, force: true }));
beforeEach(async () => {
  await rm(join(base, 'w'), { recursive: true, force: true });
  workspaces = createWorkspaces(join(base, 'w'), createQuota({ workspaceQuotaMb: 4 }));
  workspace = await workspaces.open('acme', 's1');
});

describe('the workspaces', () => {
  it('are found once they are opened, and gone once they are removed', async () => {
    assert.equal(await workspaces.find('acme', 's1'), workspace);
    assert.equal(await workspaces.find('acme', 's2'), undefined);
    assert.equal(await workspaces.find('other', 's1'), undefined);
    await writeFile(join(workspace, 'a'), 'x');
    await workspaces.remove('acme', 's1');
    await workspaces.remove('acme', 's1');
    assert.equal(await workspaces.find('acme', 's1'), undefined);
    assert.deepEqual(await readdir(await workspaces.open('acme', 's1')), []);
  });

  it('tell which nobody has opened since a moment', async () => {
    await workspaces.open('acme', 's2');
    const old = new Date(Date.now() - 86_400_000);
    await utimes(workspace, old, old);
    const unused = await Array.fromAsync(workspaces.unused(new Date(Date.now() - 60_000)));
    assert.deepEqual(unused, [{ tenantId: 'acme', sessionId: 's1' }]);
    await workspaces.open('acme', 's1');
    assert.deepEqual(await Array.fromAsync(workspaces.unused(new Date(Date.now() - 60_000))), []);
    const none = createWorkspaces(join(base, 'nowhere'), workspaces.quota);
    assert.deepEqual(await Array.fromAsync(none.unused(new Date())), []);
    // A program may set one time as it likes.
    await utimes(workspace, new Date('2099-01-01'), new Date('2099-01-01'));
    const all = await Array.fromAsync(workspaces.unused(new Date(Date.now() + 60_000)));
    assert.deepEqual(all.map(({ sessionId }) => sessionId).sort(), ['s1', 's2']);
    await workspaces.remove('acme', 's1', new Date(Date.now() - 60_000));
    assert.equal(await workspaces.find('acme', 's1'), workspace, 'opened since');
  });
});

describe('the quota', () => {
  it('has room until it is full, and tells what is used', async () => {
    const { quota } = workspaces;
    await quota.requireRoom(workspace, 3 * MIB, signal);
    await writeFile(join(workspace, 'a'), Buffer.alloc(3 * MIB, 'x'));
    assert.ok((await quota.usageOf(workspace, signal)).bytes >= 3 * MIB);
    await quota.requireRoom(workspace, MIB / 2, signal);
    await assert.rejects(quota.requireRoom(workspace, 2 * MIB, signal), {
      reason: 'limit_reached',
      message: /the workspace is full: it may hold 4 MiB, of which 3 are used; delete files/,
    });
    assert.ok((await quota.allowance(workspace, signal)).diskBytes <= MIB + 8192);
    await writeFile(join(workspace, 'b'), Buffer.alloc(3 * MIB, 'x'));
    assert.equal((await quota.allowance(workspace, signal)).diskBytes, MIB, 'enough to tidy up');
    await rm(join(workspace, 'a'));
    await rm(join(workspace, 'b'));
    await quota.requireRoom(workspace, 3 * MIB, signal);
  });

  it('counts what has names that are no text, and what cannot be looked into as too much', async () => {
    execFileSync('python3', ['-c', NO_TEXT], { cwd: workspace });
    const usage = await workspaces.quota.usageOf(workspace, signal);
    assert.ok(usage.bytes >= 2 * MIB && usage.files === 3, JSON.stringify(usage));
    execFileSync('python3', ['-c', DEEP], { cwd: workspace });
    const { files } = await workspaces.quota.usageOf(workspace, signal);
    assert.equal(files, workspaces.quota.limit.files + 1);
    await workspaces.remove('acme', 's1');
    assert.equal(await workspaces.find('acme', 's1'), undefined);
  });

  it('does not count what links lead to', async () => {
    await writeFile(join(base, 'large'), Buffer.alloc(8 * MIB, 'x'));
    await symlink(join(base, 'large'), join(workspace, 'link'));
    await symlink(base, join(workspace, 'up'));
    assert.ok((await workspaces.quota.usageOf(workspace, signal)).bytes < MIB);
  });

  it('is not asked on behalf of who has gone', async () => {
    await assert.rejects(workspaces.quota.usageOf(workspace, AbortSignal.abort()));
  });
});

describe('removing a workspace', () => {
  it('leaves what its links lead to', async () => {
    const outside = join(base, 'outside');
    await mkdir(outside, { recursive: true });
    await writeFile(join(outside, 'kept'), 'x');
    await mkdir(join(workspace, 'd'));
    await symlink(outside, join(workspace, 'link'));
    await symlink(outside, join(workspace, 'd/link'));
    await symlink('/nowhere', join(workspace, 'broken'));
    await removeTree(workspace);
    assert.deepEqual(await readdir(outside), ['kept']);
    await assert.rejects(stat(workspace), { code: 'ENOENT' });
  });

  it('goes deeper than descriptors and paths reach', async () => {
    execFileSync('python3', ['-c', DEEP], { cwd: workspace });
    await removeTree(workspace);
    await assert.rejects(stat(workspace), { code: 'ENOENT' });
  });

  it('takes back rights that a program took away', async () => {
    await mkdir(join(workspace, 'a/b/c'), { recursive: true });
    await writeFile(join(workspace, 'a/b/c/file'), 'x');
    await mkdir(join(workspace, 'r/only'), { recursive: true });
    await writeFile(join(workspace, 'r/only/file'), 'x');
    for (const path of ['a/b/c', 'a/b', 'a']) await chmod(join(workspace, path), 0o000);
    for (const path of ['r/only', 'r', '.']) await chmod(join(workspace, path), 0o555);
    await asOwner(workspace);
    await assert.rejects(stat(workspace), { code: 'ENOENT' });
  });

  it('never leaves it, while a program swaps directories for links', { timeout: 120_000 }, async () => {
    const outside = join(base, 'treasure');
    await mkdir(join(outside, 'x'), { recursive: true });
    await writeFile(join(outside, 'x/kept'), 'x');
    for (let round = 0; round < 5; round += 1) {
      await mkdir(workspace, { recursive: true });
      const swapper = spawn('python3', ['-c', SWAP, outside], { cwd: workspace, stdio: 'ignore' });
      await new Promise((resolve) => setTimeout(resolve, 150));
      const removal = removeTree(workspace).catch(() => undefined);
      await Promise.race([removal, new Promise((resolve) => setTimeout(resolve, 1_000))]);
      swapper.kill('SIGKILL');
      await new Promise((resolve) => swapper.once('close', resolve));
      await removal;
      assert.equal(await readFile(join(outside, 'x/kept'), 'utf8'), 'x');
    }
  });
});

describe('a directory of a workspace', () => {
  it('is read in parts, directories first, links as what they are', async () => {
    await mkdir(join(workspace, 'z'));
    for (const name of ['a', 'b', 'c']) await writeFile(join(workspace, name), name.repeat(3));
    await symlink('a', join(workspace, 'link'));
    execFileSync('mkfifo', [join(workspace, 'pipe')]);
    const read = async (limit: number, offset: number) => {
      const { entries, total } = await readDirectoryInside(workspace, '', { limit, offset });
      return [...entries.map(({ name, kind }) => `${kind} ${name}`), total];
    };
    assert.deepEqual(await read(3, 0), ['directory z', 'file a', 'file b', 6]);
    assert.deepEqual(await read(10, 3), ['file c', 'link link', 'other pipe', 6]);
    assert.deepEqual(await read(10, 9), [6]);
  });
});

describe('the archive', () => {
  it('ends with its reader, and has no more than one file open', async () => {
    for (let n = 0; n < 50; n += 1) await writeFile(join(workspace, `${n}`), Buffer.alloc(MIB / 4, String(n)));
    const before = (await readdir('/proc/self/fd')).length;
    const archive = archiveInside(workspace, signal);
    await archive.next();
    assert.ok((await readdir('/proc/self/fd')).length <= before + 2);
    await archive.return();
    assert.ok((await readdir('/proc/self/fd')).length <= before);
    await rm(join(workspace, '0'));
    await writeFile(join(workspace, 'C: notes'), 'x');
    await writeFile(join(workspace, 'a\\b'), 'x');
    const whole = Buffer.concat(await Array.fromAsync(archiveInside(workspace, signal))).toString('latin1');
    for (const name of ['C_ notes', 'a_b', '49']) assert.ok(whole.includes(name), name);
    const stopped = new AbortController();
    const reading = archiveInside(workspace, stopped.signal);
    await reading.next();
    stopped.abort();
    await assert.rejects(Array.fromAsync(reading), { name: 'AbortError' });
  });
});

/** Directories so deep that their path cannot be said, and each full name that a path may have. */
const DEEP = `
import os
for n in range(3000):
    os.mkdir("d" * 20)
    os.chdir("d" * 20)
open("leaf", "w").close()
`;

/** Two MiB below names that are not UTF-8. */
const NO_TEXT = `
import os
os.mkdir(b"\\xff")
for name in (b"\\xff/big", b"\\xfe"):
    with open(name, "wb") as file:
        file.write(bytes(1024 * 1024))
`;

/** Directories that are links, and are directories, as fast as can be. */
const SWAP = `
import os, sys
while True:
    for n in range(20):
        try:
            os.makedirs(f"d{n}/x", exist_ok=True)
            open(f"d{n}/x/f", "w").close()
            os.rename(f"d{n}", f"old{n}")
            os.symlink(sys.argv[1], f"d{n}")
            os.unlink(f"d{n}")
        except OSError:
            pass
`;

/** Removes a workspace as the user that owns it: root has every right anyway. */
async function asOwner(path: string): Promise<void> {
  if (!isRoot()) return removeTree(path);
  await chown(path, SANDBOX_UID, SANDBOX_UID);
  execFileSync('chown', ['-R', `${SANDBOX_UID}`, path]);
  await chmod(base, 0o755);
  await chmod(join(base, 'w'), 0o755);
  await chown(join(base, 'w/acme'), SANDBOX_UID, SANDBOX_UID);
  const script = `import('${join(import.meta.dirname, 'remove-tree.ts')}').then(({ removeTree }) => removeTree('${path}'))`;
  execFileSync(process.execPath, ['-e', script], { uid: SANDBOX_UID, gid: SANDBOX_UID });
}
