import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { writeInside } from './files.ts';
import { existsInside, removeInside, renameInside } from './move.ts';
import { workspacePath } from './workspace.ts';

let base: string;
let workspace: string;
before(async () => void (base = await mkdtemp(join(tmpdir(), 'reeve-move-'))));
after(() => rm(base, { recursive: true, force: true }));
beforeEach(async () => {
  await rm(join(base, 'w'), { recursive: true, force: true });
  workspace = await workspacePath(join(base, 'w'), 'acme', 's1');
});
const refused = (message: RegExp) => ({ name: 'ReeveError', reason: 'invalid_request', message });

describe('a file of a workspace', () => {
  it('is renamed with its content and its permissions, into directories that are made, and removed', async () => {
    await writeInside(workspace, 'run.sh', Buffer.from('true'));
    await chmod(join(workspace, 'run.sh'), 0o755);
    await renameInside(workspace, 'run.sh', 'bin/tools/run.sh');
    assert.equal(await existsInside(workspace, 'run.sh'), false);
    assert.equal((await stat(join(workspace, 'bin/tools/run.sh'))).mode & 0o777, 0o755);
    await removeInside(workspace, 'bin/tools/run.sh');
    assert.equal(await existsInside(workspace, 'bin/tools/run.sh'), false);
    assert.equal(await existsInside(workspace, 'bin/tools'), true);
  });

  it('takes no other’s place, and is a file', async () => {
    await writeInside(workspace, 'a', Buffer.from('a'));
    await writeInside(workspace, 'd/b', Buffer.from('b'));
    await assert.rejects(renameInside(workspace, 'a', 'd/b'), refused(/"d\/b" exists already/));
    await assert.rejects(renameInside(workspace, 'c', 'e'), refused(/"c" does not exist/));
    await assert.rejects(renameInside(workspace, 'd', 'e'), refused(/"d" is a directory/));
    await assert.rejects(removeInside(workspace, 'd'), refused(/"d" is a directory/));
    await assert.rejects(removeInside(workspace, 'c'), refused(/"c" does not exist/));
    assert.equal(await readFile(join(workspace, 'd/b'), 'utf8'), 'b');
  });

  it('is never one outside', async () => {
    const outside = join(base, 'outside');
    await writeFile(outside, 'secret');
    await symlink(outside, join(workspace, 'link'));
    await symlink(base, join(workspace, 'up'));
    await writeInside(workspace, 'own', Buffer.from('own'));
    for (const path of ['link', 'up/outside', '../../../outside', outside]) {
      await assert.rejects(removeInside(workspace, path), refused(/workspace/));
      await assert.rejects(renameInside(workspace, path, 'stolen'), refused(/workspace/));
      await assert.rejects(existsInside(workspace, path), refused(/workspace/));
    }
    await assert.rejects(renameInside(workspace, 'own', 'up/planted'), refused(/workspace/));
    assert.equal(await readFile(outside, 'utf8'), 'secret');
    assert.equal(await readFile(join(workspace, 'own'), 'utf8'), 'own');
  });
});
