import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { silentLog, sleep, type ReeveError } from '@reeve/kit';
import { openTenantsFile, type TenantsFile } from './watch.ts';

describe('the tenants file', { timeout: 60_000 }, () => {
  let directory: string;
  let path: string;
  let stack: AsyncDisposableStack;
  let changes = 0;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'reeve-tenants-'));
    path = join(directory, 'tenants.yaml');
    stack = new AsyncDisposableStack();
    stack.defer(() => rmSync(directory, { recursive: true }));
    changes = 0;
  });
  afterEach(() => stack.disposeAsync());

  const watched = (lookMs?: number): TenantsFile =>
    stack.use(
      openTenantsFile(path, { log: silentLog, changed: () => (changes += 1), ...(lookMs !== undefined && { lookMs }) }),
    );
  const names = (file: TenantsFile) => [...file.sections.keys()].join(' ');
  async function until(what: string, isSo: () => boolean): Promise<void> {
    for (const end = performance.now() + 10_000; !isSo(); await sleep(10))
      assert.ok(performance.now() < end, `still not: ${what}`);
  }

  it('is heeded when it is written anew, and when another takes its place', async () => {
    writeFileSync(path, 'default: {}\n');
    const file = watched();
    assert.equal(names(file), 'default');
    writeFileSync(path, 'default: {}\nacme: {}\n');
    await until('acme', () => names(file) === 'default acme');
    for (const name of ['beta', 'gamma']) {
      writeFileSync(`${path}.new`, `${name}: {}\n`);
      renameSync(`${path}.new`, path);
      await until(name, () => names(file) === name);
    }
    assert.equal(changes, 3);
  });

  it('is not read while it is being written', async () => {
    writeFileSync(path, 'a: { fail_open: false }\nb: { fail_open: false }\n');
    const file = watched();
    const seen = new Set<string>();
    const looking = setInterval(() => seen.add(names(file)), 2);
    for (let round = 0; round < 4; round += 1) {
      const handle = await open(path, 'w');
      // What is there between two writes is a good file that lacks a tenant.
      for (const line of ['a: { fail_open: false }\n', 'b: { fail_open: false }\n', `c${round}: {}\n`]) {
        await handle.write(line);
        await sleep(60);
      }
      await handle.close();
    }
    await until('the last', () => names(file) === 'a b c3');
    clearInterval(looking);
    for (const state of seen) assert.match(state, /^a b( c\d)?$/);
    assert.equal(file.fault, undefined);
  });

  it('that is broken, empty or gone leaves what was good, says so, and is heeded when it is mended', async () => {
    writeFileSync(path, 'acme: {}\n');
    const file = watched();
    writeFileSync(path, 'acme: {}\nbeta: { fail_opne: true }\n');
    await until('broken', () => file.fault !== undefined);
    assert.deepEqual([names(file), file.fault], ['acme', 'it is broken in line 2; the log says more']);
    writeFileSync(path, '');
    await until('empty', () => file.fault?.includes('line 1') === true);
    rmSync(path);
    await until('gone', () => file.fault === 'it is gone');
    mkdirSync(path);
    await until('a directory', () => file.fault === 'it cannot be read');
    rmSync(path, { recursive: true });
    assert.equal(names(file), 'acme');
    writeFileSync(path, 'beta: {}\n');
    await until('mended', () => names(file) === 'beta');
    assert.equal(file.fault, undefined);
  });

  it('that is absent holds nothing until it comes, even with its directory', async () => {
    path = join(directory, 'later', 'tenants.yaml');
    const file = watched(50);
    assert.deepEqual([file.isAbsent, file.fault, file.sections.size], [true, undefined, 0]);
    mkdirSync(join(directory, 'later'));
    writeFileSync(path, 'acme: {}\n');
    await until('acme', () => names(file) === 'acme');
    assert.equal(file.isAbsent, false);
  });

  it('is heeded behind a link that is put on another file', async () => {
    for (const name of ['one', 'two']) writeFileSync(join(directory, name), `${name}: {}\n`);
    symlinkSync('one', path);
    const file = watched();
    symlinkSync('two', `${path}.new`);
    renameSync(`${path}.new`, path);
    await until('two', () => names(file) === 'two');
  });

  it('stops the start where it is broken, with every line, and where it cannot be read', () => {
    writeFileSync(path, 'acme:\n  colour: red\n  fail_open: 3\n');
    assert.throws(
      () => watched(),
      (error: ReeveError) => {
        assert.equal(error.reason, 'invalid_request');
        assert.equal(error.details.length, 2);
        assert.ok(error.message.startsWith(`${path}, line 2: acme: there is no field colour`), error.message);
        assert.match(error.message, /line 3: acme\.fail_open: must be true or false/);
        return true;
      },
    );
    path = directory;
    assert.throws(() => watched(), /REEVE_TENANTS_FILE is .*, but that file cannot be read/);
  });
});
