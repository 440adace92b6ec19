import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { openTestTools } from '../../test/tools.ts';
import { applyPatch } from './apply-patch.ts';
import { globFiles } from './glob-files.ts';
import { grepFiles } from './grep-files.ts';

const { base, workspace, call, value, refused } = await openTestTools({
  tools: [globFiles, grepFiles, applyPatch],
  sandboxBackend: 'quickjs',
  circuitFailureThreshold: 1,
});

async function put(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(join(workspace, path)), { recursive: true });
  await writeFile(join(workspace, path), content);
}
const text = (path: string) => readFile(join(workspace, path), 'utf8');
const patch = (...lines: readonly string[]) => ({ patch: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n') });

describe('grep_files', () => {
  it('finds lines by file, with what is around them', async () => {
    await put('src/a.ts', 'one\ntwo\nthree\nfour\nfive\nsix\ntwo again\n');
    await put('src/b.ts', 'TWO\r\n');
    await put('docs/c.md', 'two\n');
    assert.deepEqual(await value('grep_files', { pattern: 'tw[o]', context: 1, glob: 'src/**' }), {
      output: 'src/a.ts\n1-one\n2:two\n3-three\n--\n6-six\n7:two again\n',
      matches: 2,
      files: 1,
      files_searched: 2,
      truncated: false,
    });
    const anyCase = await value('grep_files', { pattern: '(?i)^two$', exclude: 'docs/**' });
    assert.equal(anyCase.output, 'src/a.ts\n2:two\n\nsrc/b.ts\n1:TWO\n');
    assert.equal((await value('grep_files', { pattern: 'TWO', ignore_case: true })).matches, 4);
    assert.equal((await value('grep_files', { pattern: 'zwei' })).output, '');
  });

  it('takes plain text as it is, and refuses what is no expression', async () => {
    await put('f', 'a.b(c)\naxb(c)\n');
    assert.equal((await value('grep_files', { pattern: 'a.b(c)', literal: true })).output, 'f\n1:a.b(c)\n');
    assert.equal((await value('grep_files', { pattern: 'a\\-b|\\(c\\)' })).matches, 2);
    await refused('grep_files', { pattern: 'a(b' }, /no regular expression; to look for plain text, set "literal"/);
    await refused('grep_files', { pattern: 'a', glob: '{a,b}'.repeat(12) }, /braces/);
  });

  it('shows no more than it should, and says so', async () => {
    await put('many', 'x\n'.repeat(500));
    await put('wide', `${'y'.repeat(100_000)}needle${'y'.repeat(100_000)}\n`);
    const some = await call('grep_files', { pattern: 'x', limit: 10 });
    assert.deepEqual([some.result.matches, some.truncated, some.result.truncated], [10, true, true]);
    const wide = String((await value('grep_files', { pattern: 'needle' })).output);
    assert.ok(wide.length < 450 && wide.includes('needle') && wide.startsWith('wide\n1:…'));
    for (let index = 0; index < 10; index++) await put(`long/${index}`, `${'z'.repeat(390)}\n`.repeat(100));
    const flood = await call('grep_files', { pattern: 'z', limit: 1_000 });
    assert.ok(String(flood.result.output).length <= 64 * 1024 && flood.truncated);
  });

  it('leaves out binary and large files, and never leaves the workspace', async () => {
    await writeFile(join(base, 'outside'), 'secret\n');
    await symlink(join(base, 'outside'), join(workspace, 'link'));
    await symlink(base, join(workspace, 'up'));
    await put('binary', Buffer.from('secret\0'));
    await put('latin', Buffer.from([0xff, 0xfe, 0x0a]));
    await put('large', Buffer.alloc(5 * 1024 * 1024 + 1, 'secret\n'));
    await put('lines', Buffer.alloc(5 * 1024 * 1024, '\n'));
    const found = await value('grep_files', { pattern: 'secret' });
    assert.deepEqual([found.matches, found.files_skipped, found.files_searched], [0, 3, 1]);
  });

  it('does not read for ever where all files are binary', async () => {
    const binary = Buffer.alloc(5 * 1024 * 1024);
    for (let index = 0; index < 53; index++) await put(`binary/${index}`, binary);
    const found = await value('grep_files', { pattern: 'x' });
    assert.deepEqual([found.files_skipped, found.truncated], [52, true]);
  });

  it('is stopped where a hostile pattern takes for ever, while the process goes on', { timeout: 60_000 }, async () => {
    await put('a', `${'a'.repeat(40)}!\n`);
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 50);
    const outcome = await call('grep_files', { pattern: '^(a+)+$' });
    assert.equal(outcome.tool_status, 'timeout');
    assert.match(String(outcome.result.error), /took longer than 10 s and was stopped; give a simpler pattern/);
    clearInterval(timer);
    assert.ok(ticks > 50, `the event loop was blocked: ${ticks} ticks`);
    assert.equal((await value('grep_files', { pattern: 'a!' })).matches, 1);
  });

  it('ends with its run', async () => {
    await put('a', `${'a'.repeat(40)}!\n`);
    const startedAt = performance.now();
    await assert.rejects(call('grep_files', { pattern: '^(a+)+$' }, { signal: AbortSignal.timeout(500) }), {
      reason: 'cancelled',
    });
    assert.ok(performance.now() - startedAt < 5_000);
  });
});

describe('a glob that takes too long', () => {
  it('is refused as bad input, and stops no tool', async () => {
    await put('a'.repeat(255), 'x');
    const glob = `${'{,a}'.repeat(6)}*${'[aaaaaaaaaa]'.repeat(38)}b`;
    await refused('glob_files', { pattern: glob }, /takes too long to be matched/);
    await refused('grep_files', { pattern: 'x', glob }, /takes too long to be matched/);
    await refused('grep_files', { pattern: 'x', exclude: glob }, /takes too long to be matched/);
    assert.equal((await value('glob_files', { pattern: 'a*' })).total, 1);
  });
});

describe('apply_patch', () => {
  it('changes, makes, renames and removes files in one go', async () => {
    await put('a.txt', 'one\ntwo\n');
    await put('bin/run', '#!/bin/sh\nfalse\n');
    await chmod(join(workspace, 'bin/run'), 0o755);
    await put('old', 'x');
    const result = await value(
      'apply_patch',
      patch(
        '*** Update File: a.txt',
        '@@',
        ' one',
        '-two',
        '+2',
        '+3',
        '*** Update File: bin/run',
        '*** Move to: tools/start',
        '-false',
        '+true',
        '*** Delete File: old',
        '*** Add File: deep/er/new.txt',
        '+hello',
      ),
    );
    assert.deepEqual(result.files, [
      { path: 'a.txt', change: 'updated', lines_added: 2, lines_removed: 1 },
      { path: 'tools/start', change: 'moved', lines_added: 1, lines_removed: 1 },
      { path: 'old', change: 'deleted' },
      { path: 'deep/er/new.txt', change: 'added' },
    ]);
    assert.equal(await text('a.txt'), 'one\n2\n3\n');
    assert.equal(await text('tools/start'), '#!/bin/sh\ntrue\n');
    assert.equal((await stat(join(workspace, 'tools/start'))).mode & 0o777, 0o755);
    assert.equal(await text('deep/er/new.txt'), 'hello\n');
    assert.deepEqual((await readdir(workspace)).sort(), ['a.txt', 'bin', 'deep', 'tools']);
  });

  it('changes nothing where any part does not fit', async () => {
    await put('a', 'one\n');
    await put('b', 'one\n');
    const good = ['*** Update File: a', '-one', '+1', '*** Delete File: b', '*** Add File: c', '+c'];
    for (const [bad, message] of [
      [['*** Update File: a', '-two', '+2'], /patch for "a": line 9 \("two"\) is nowhere in the file/],
      [['*** Update File: b', '-one', '+2'], /"b" does not exist/],
      [['*** Add File: a', '+x'], /"a" exists already/],
      [['*** Add File: ./c', '+x'], /".\/c" exists already/],
      [['*** Update File: missing', '-one', '+2'], /"missing" does not exist/],
      [['*** Delete File: .'], /is a directory/],
      [['*** Update File: a', '*** Move to: c'], /"c" exists already/],
      [['*** Add File: c/d', '+x'], /not a directory/],
    ] as const) {
      await refused('apply_patch', patch(...good, ...bad), message);
      assert.deepEqual(
        [await text('a'), await text('b'), (await readdir(workspace)).sort()],
        ['one\n', 'one\n', ['a', 'b']],
      );
    }
  });

  it('goes on with what it changed before in the same patch', async () => {
    await put('a', 'one\n');
    await value(
      'apply_patch',
      patch(
        '*** Update File: a',
        '-one',
        '+two',
        '*** Update File: a',
        '*** Move to: b',
        '-two',
        '+three',
        '*** Add File: a',
        '+new',
      ),
    );
    assert.deepEqual([await text('a'), await text('b')], ['new\n', 'three\n']);
  });

  it('cannot leave the workspace', async () => {
    const outside = join(base, 'outside.txt');
    await writeFile(outside, 'secret\n');
    await symlink(outside, join(workspace, 'link'));
    await symlink(base, join(workspace, 'up'));
    await put('own', 'own\n');
    for (const path of ['../../../outside.txt', 'link', 'up/outside.txt', outside, '/etc/passwd'])
      for (const lines of [
        [`*** Update File: ${path}`, '-secret', '+planted'],
        [`*** Delete File: ${path}`],
        [`*** Add File: ${path}`, '+planted'],
        ['*** Update File: own', `*** Move to: ${path}`],
      ])
        await refused('apply_patch', patch('*** Add File: before', '+x', ...lines), /workspace/);
    assert.equal(await readFile(outside, 'utf8'), 'secret\n');
    assert.deepEqual((await readdir(workspace)).sort(), ['link', 'own', 'up']);
  });

  it('refuses binary files and floods', async () => {
    await put('binary', Buffer.from([1, 0, 2]));
    await refused('apply_patch', patch('*** Update File: binary', '-a', '+b'), /is a binary file/);
    const files = Array.from({ length: 101 }, (_, index) => [`*** Add File: f${index}`, '+x']).flat();
    await refused('apply_patch', patch(...files), /changes 101 files, and 100 are allowed/);
    await refused('apply_patch', { patch: 'x'.repeat(2_000_001) }, /patch: /);
    assert.deepEqual(await readdir(workspace), ['binary']);
  });

  it('does not take hundreds of megabytes for a patch of many large files', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await put(name, Buffer.alloc(4_500_000, 'x\n'));
    const deletes = names.map((name) => `*** Delete File: ${name}`);
    await refused('apply_patch', patch(...deletes), /more than 20971520 bytes in all, before and after/);
    const again = Array.from({ length: 3 }, () => ['*** Update File: a', '+y', '*** End of File']).flat();
    await refused('apply_patch', patch(...again), /bytes in all/);
    assert.deepEqual((await readdir(workspace)).sort(), names);
    await value('apply_patch', patch(...deletes.slice(1)));
  });

  it('does not search for minutes by searching a little in each of many files', async () => {
    const update = (name: string) => [`*** Update File: ${name}`, ...Array.from({ length: 200 }, () => ' a'), '-z'];
    for (const name of ['a', 'b', 'c']) await put(name, `${'a\n'.repeat(40_000)}z\n`);
    await refused('apply_patch', patch(...['a', 'b', 'c'].flatMap(update)), /"c" takes too long to be searched/);
    await value('apply_patch', patch(...['a', 'b'].flatMap(update)));
  });
});
