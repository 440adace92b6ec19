import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import picomatch from 'picomatch';
import { compileGlob, matchingPaths } from './glob.ts';

describe('a glob pattern', () => {
  it('matches names, directories, classes and alternatives', () => {
    for (const [pattern, matching, others] of [
      ['*.md', ['a.md', '.md'], ['a/b.md', 'a.mdx']],
      ['**/*.md', ['a.md', 'a/b.md', 'a/b/c.md'], ['a.txt']],
      ['src/**', ['src/a', 'src/a/b'], ['lib/a', 'srcs/a', 'src']],
      ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z'], ['a/zz', 'b/a/z']],
      ['{a,b{c,d}}.txt', ['a.txt', 'bc.txt', 'bd.txt'], ['b.txt']],
      ['{src,test}/*.ts', ['src/a.ts', 'test/a.ts'], ['lib/a.ts']],
      ['file[0-9].t?t', ['file1.txt', 'file9.tat'], ['filex.txt']],
      ['[!a]*', ['bc'], ['abc']],
      ['\\*', ['*'], ['a']],
      ['{single}', ['{single}'], ['single']],
      ['[', ['['], ['a']],
    ] as const) {
      const matches = compileGlob(pattern);
      for (const path of matching) assert.equal(matches(path), true, `${pattern} should match ${path}`);
      for (const path of others) assert.equal(matches(path), false, `${pattern} should not match ${path}`);
    }
  });

  it('agrees with picomatch', () => {
    const name = fc
      .string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 4 })
      .filter((text) => !text.includes('**'));
    const pattern = fc
      .array(fc.oneof(name, fc.constant('**')), { minLength: 1, maxLength: 4 })
      .filter((names) => names.at(-1) !== '**')
      .map((names) => names.join('/'));
    const path = fc
      .array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 })
      .map((names) => names.join('/'));
    fc.assert(
      fc.property(pattern, path, (glob, candidate) => {
        assert.equal(
          compileGlob(glob)(candidate),
          picomatch(glob, { dot: true })(candidate),
          `${glob} on ${candidate}`,
        );
      }),
      cases(3000),
    );
  });

  it('takes no more time for a hostile pattern than for another', () => {
    const startedAt = performance.now();
    compileGlob(`${'*a'.repeat(200)}b`)('a'.repeat(255));
    compileGlob(`${'**/a/'.repeat(80)}b`)('a/'.repeat(2000));
    assert.ok(performance.now() - startedAt < 1_000);
    assert.throws(() => compileGlob('{a,b}'.repeat(10)), { reason: 'invalid_request' });
  });

  const hostile = `${'{,a}'.repeat(6)}*${'a'.repeat(120)}b`;
  const { signal } = new AbortController();

  it('that is hostile does not stop the process for minutes where there are many paths', async () => {
    const paths = Array.from({ length: 50_000 }, (_, index) => `${'a'.repeat(250)}${index}`);
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 20);
    const startedAt = performance.now();
    await assert.rejects(matchingPaths(paths, compileGlob(hostile), signal), {
      reason: 'invalid_request',
      message: /takes too long to be matched/,
    });
    clearInterval(timer);
    const lasted = performance.now() - startedAt;
    assert.ok(lasted < 30_000, `it took ${lasted} ms`);
    assert.ok(ticks > lasted / 400, `the event loop was blocked: ${ticks} ticks in ${lasted} ms`);
  });

  it('ends with its run', async () => {
    const paths = Array.from({ length: 50_000 }, () => 'a'.repeat(255));
    await assert.rejects(matchingPaths(paths, compileGlob(hostile), AbortSignal.timeout(50)), { name: 'TimeoutError' });
  });

  it('that is ordinary may be matched with as many paths as a workspace has', async () => {
    const paths = Array.from({ length: 50_000 }, (_, index) => `${'some/directory/'.repeat(4)}a-file-${index}.tsx`);
    const matches = compileGlob('**/*.{ts,js,jsx,mjs,cjs,css,html,json,md,tsx}');
    assert.equal((await matchingPaths(paths, matches, signal)).length, 50_000);
  });

  it('may not cost too much on one path', () => {
    const matches = compileGlob(`${'{,a}'.repeat(6)}*[${'b-c'.repeat(100)}]`);
    assert.throws(() => matches('a'.repeat(16_000)), { reason: 'invalid_request' });
  });
});
