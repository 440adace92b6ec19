import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ReeveError } from '@reeve/kit';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createQuota } from '../files/quota.ts';
import { fromRootedPath, toRootedPath, workspaceRoot } from './roots.ts';
import { createWorkspaces } from '../files/workspaces.ts';
import { createWorkspacesElsewhere } from './workspaces.ts';

const name = fc.stringMatching(/^[a-z0-9._-]{1,8}$/).filter((text) => text !== '.' && text !== '..');

describe('directories that both sides have', () => {
  let base: string;
  before(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'reeve-roots-')));
    await mkdir(join(base, 'root', 'deep', 'down'), { recursive: true });
    await mkdir(join(base, 'outside'));
    await writeFile(join(base, 'root', 'file'), '');
    await symlink(join(base, 'outside'), join(base, 'root', 'out'));
    await symlink('deep', join(base, 'root', 'in'));
    await symlink(join(base, 'root'), join(base, 'link'));
  });
  after(() => rm(base, { recursive: true, force: true }));

  it('are told by the nearest root and the path below it, which lead to the same place', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 4 }), fc.boolean(), (names, isNear) => {
        const roots = { all: '/data', near: '/data/near', beside: '/data/nearby' };
        const directory = join(isNear ? roots.near : roots.all, ...names);
        const { root, path } = toRootedPath(roots, directory);
        assert.equal(resolve(roots[root as 'all'], path), resolve(directory));
        if (isNear) assert.equal(root, 'near');
      }),
      cases(),
    );
  });

  it('are no others, however they are spelled', () => {
    const roots = { skills: '/data/skills' };
    for (const path of ['/data', '/data/skills2', '/data/skills/../x', '/', '', 'data/skills', '/etc'])
      assert.throws(
        () => toRootedPath(roots, path),
        { reason: 'invalid_request', message: /below no directory/ },
        path,
      );
  });

  it('are found below their root, which may be a link, and are left out where they are not there or a link leads out', async () => {
    const roots = { root: join(base, 'root'), link: join(base, 'link'), gone: join(base, 'gone') };
    const find = (root: string, path: string) => fromRootedPath(roots, { root, path });
    assert.equal(await find('root', ''), join(base, 'root'));
    assert.equal(await find('link', 'deep/down'), join(base, 'root', 'deep', 'down'));
    assert.equal(await find('root', 'in/down'), join(base, 'root', 'deep', 'down'));
    for (const [root, path] of [
      ['root', 'out'],
      ['root', 'file'],
      ['root', 'nothing'],
      ['gone', ''],
    ] as const)
      assert.equal(await find(root, path), undefined, path);
    await assert.rejects(find('constructor', ''), { reason: 'invalid_request' });
    await assert.rejects(find('etc', ''), { reason: 'invalid_request' });
  });

  it('never lead out of their root, whatever is asked for', async () => {
    const roots = { root: join(base, 'root') };
    const part = fc.constantFrom('..', '.', '', 'deep', 'down', 'out', 'in', 'file', '\0', 'outside');
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), fc.boolean(), async (parts, isAbsolute) => {
        const path = (isAbsolute ? '/' : '') + parts.join('/');
        try {
          const found = await fromRootedPath(roots, { root: 'root', path });
          assert.ok(found === undefined || found === roots.root || found.startsWith(`${roots.root}/deep`), found);
        } catch (error) {
          assert.equal(ReeveError.from(error).reason, 'invalid_request');
        }
      }),
      cases(500),
    );
  });

  it('are, for workspaces, those of a tenant’s session and nothing else', async () => {
    const directory = join(base, 'workspaces');
    const root = workspaceRoot(createWorkspaces(directory, createQuota({ workspaceQuotaMb: 1 })));
    const elsewhere = createWorkspacesElsewhere('/data/workspaces');
    const { path } = toRootedPath({ workspaces: '/data/workspaces' }, await elsewhere.open('acme', 's-1'));
    assert.equal(await root.open(path), join(directory, 'acme', 's-1'));
    for (const wrong of [
      '',
      'acme',
      'acme/s-1/deep',
      '../acme',
      'acme/..',
      '/acme/s-1',
      'acme//s-1',
      'acme/.removed-1',
    ])
      await assert.rejects(root.open(wrong), { reason: 'invalid_request' }, wrong);
    await assert.rejects(elsewhere.open('..', 's-1'), { reason: 'invalid_request' });
    await symlink(join(base, 'outside'), join(directory, 'acme', 'planted'));
    await assert.rejects(root.open('acme/planted'));
  });
});
