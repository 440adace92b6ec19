import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import picomatch from 'picomatch';
import { compileGlob } from './glob.ts';

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
      { numRuns: 3000 },
    );
  });

  it('takes no more time for a hostile pattern than for another', () => {
    const startedAt = performance.now();
    compileGlob(`${'*a'.repeat(200)}b`)('a'.repeat(255));
    compileGlob(`${'**/a/'.repeat(80)}b`)('a/'.repeat(2000));
    assert.ok(performance.now() - startedAt < 1_000);
    assert.throws(() => compileGlob('{a,b}'.repeat(10)), { reason: 'invalid_request' });
  });
});
