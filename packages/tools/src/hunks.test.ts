import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { applyHunks } from './hunks.ts';
import { parsePatch } from './patch.ts';

const apply = (content: string, ...hunk: readonly string[]) => {
  const [change] = parsePatch(['*** Begin Patch', '*** Update File: f', ...hunk, '*** End Patch'].join('\n'));
  assert.ok(change?.kind === 'update');
  return applyHunks('f', content, change.hunks, { comparisons: 0 });
};
const refused = (message: RegExp) => ({ name: 'ReeveError', reason: 'invalid_request', message });

describe('a patch', () => {
  it('is read file by file', () => {
    const text = `*** Begin Patch
*** Update File: a.py
*** Move to: b.py
@@ class A:
@@ def f(self):
 one
-two
+2
@@ -10,2 +10,3 @@ def g():

+end
*** End of File
*** Add File: new/c.txt
+hello
+
*** Delete File: old
*** End Patch
`;
    assert.deepEqual(parsePatch(text), [
      {
        kind: 'update',
        path: 'a.py',
        moveTo: 'b.py',
        hunks: [
          {
            at: 4,
            anchors: ['class A:', 'def f(self):'],
            lines: [
              { kind: 'keep', text: 'one', at: 6 },
              { kind: 'remove', text: 'two', at: 7 },
              { kind: 'add', text: '2', at: 8 },
            ],
            atEnd: false,
          },
          {
            at: 9,
            anchors: [],
            lines: [
              { kind: 'keep', text: '', at: 10 },
              { kind: 'add', text: 'end', at: 11 },
            ],
            atEnd: true,
          },
        ],
      },
      { kind: 'add', path: 'new/c.txt', content: 'hello\n\n' },
      { kind: 'delete', path: 'old' },
    ]);
  });

  it('says which of its lines is wrong', () => {
    for (const [lines, message] of [
      [['--- a/f', '+++ b/f'], /line 1 must be "\*\*\* Begin Patch"; a unified diff/],
      [['*** Begin Patch', '*** Delete File: x'], /line 2 must be "\*\*\* End Patch"/],
      [['*** Begin Patch', '*** End Patch'], /line 2 must be "\*\*\* Update File: path"/],
      [['*** Begin Patch', 'hello', '*** End Patch'], /line 2 is "hello" and must be/],
      [['*** Begin Patch', '*** Add File: x', 'hello', '*** End Patch'], /line 3 is "hello"; every line of a new file/],
      [['*** Begin Patch', '*** Update File: x', '*** End Patch'], /line 2 names a file to update, and no change/],
      [
        ['*** Begin Patch', '*** Update File: x', '@@', ' a', '*** End Patch'],
        /line 3 begins a hunk that changes nothing/,
      ],
      [
        ['*** Begin Patch', '*** Update File: x', '@@', ' a', 'b', '*** End Patch'],
        /line 5 is "b" and must begin with/,
      ],
    ] as const)
      assert.throws(() => parsePatch(lines.join('\n')), refused(message), lines.join('|'));
  });
});

describe('hunks', () => {
  it('change what they name and keep everything else as it is', () => {
    assert.equal(apply('a\nb\nc\n', ' a', '-b', '+B', ' c'), 'a\nB\nc\n');
    assert.equal(apply('a\nb', '@@', '-b', '+c'), 'a\nc');
    assert.equal(apply('a\r\nb\r\nc\r\n', ' a', '-b', '+B', '+B2'), 'a\r\nB\r\nB2\r\nc\r\n');
    assert.equal(apply('  a \nb\n', ' \u0020\u0020a', '-b', '+c'), '  a \nc\n');
    assert.equal(apply('a\n', '-a'), '');
    assert.equal(apply('', '+a'), 'a\n');
    assert.equal(apply('a\n\nb\n', ' a', '', '-b', '+c'), 'a\n\nc\n');
  });

  it('come one after another, each behind its anchors', () => {
    const text = 'def f():\n  x = 1\n\ndef g():\n  x = 1\n\ndef h():\n  x = 1\n';
    assert.equal(
      apply(text, '@@ def g():', '-  x = 1', '+  x = 2', '@@ def h():', '+  y = 3'),
      'def f():\n  x = 1\n\ndef g():\n  x = 2\n\ndef h():\n  y = 3\n  x = 1\n',
    );
    assert.equal(apply(text, '-  x = 1', '+  x = 9', '*** End of File'), `${text.slice(0, -8)}  x = 9\n`);
    assert.equal(apply(text, '@@', '+# end'), `${text}# end\n`);
  });

  it('are refused where they fit several places or none, with the line that does not match', () => {
    const text = 'one\ntwo\nthree\none\ntwo\nfour\n';
    assert.throws(() => apply(text, '-two', '+2'), refused(/line 3 fits at line 2 and again at line 5; put a line/));
    assert.throws(
      () => apply(text, ' one', ' two', '-five', '+5'),
      refused(/line 5 \("five"\) does not match: line 3 of the file is "three"/),
    );
    assert.throws(() => apply(text, ' four', '-five'), refused(/line 7 of the file does not exist/));
    assert.throws(() => apply(text, '-six'), refused(/line 3 \("six"\) is nowhere in the file;/));
    assert.throws(
      () => apply(text, '-four', '@@', '-three'),
      refused(/line 5 \("three"\) is nowhere in the file after line 6, where the change before it ends/),
    );
    assert.throws(() => apply(text, '@@ seven', '-one'), refused(/line 3 names "seven", which is no line of the file/));
    assert.throws(
      () => apply(text, '-three', '*** End of File'),
      refused(/is not at the end of the file, but at line 3/),
    );
  });

  it('do what was meant, whatever the text: a change of unique lines gives the new text', () => {
    const line = fc.stringMatching(/^[ab{} ]{0,6}$/);
    fc.assert(
      fc.property(
        fc.array(line),
        fc.array(line, { minLength: 1 }),
        fc.array(line),
        fc.array(line),
        (head, old, now, tail) => {
          fc.pre(old.join('\n') !== now.join('\n'));
          const unique = [
            ...head.map((text) => `h${text}`),
            'HERE',
            ...old,
            'THERE',
            ...tail.map((text) => `t${text}`),
          ];
          const hunk = [' HERE', ...old.map((text) => `-${text}`), ...now.map((text) => `+${text}`), ' THERE'];
          const wanted = [
            ...head.map((text) => `h${text}`),
            'HERE',
            ...now,
            'THERE',
            ...tail.map((text) => `t${text}`),
          ];
          assert.equal(apply(`${unique.join('\n')}\n`, ...hunk), `${wanted.join('\n')}\n`);
        },
      ),
      cases(),
    );
  });

  it('cannot be made to search for minutes', () => {
    const startedAt = performance.now();
    const hunk = [...Array.from({ length: 5_000 }, () => ' a'), '-b'];
    assert.throws(() => apply('a\n'.repeat(1_000_000), ...hunk), refused(/takes too long to be searched/));
    assert.ok(performance.now() - startedAt < 10_000);
  });
});
