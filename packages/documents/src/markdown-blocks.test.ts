import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { nextBlocks } from './markdown-blocks.ts';

const line = fc.constantFrom(
  '# Head',
  'text',
  '',
  '',
  '- item',
  '  more',
  '    code',
  '```',
  '> quote',
  '---',
  '===',
  '| a | b |',
  '|---|---|',
  '1. one',
  '<div>',
  '</div>',
  '~~~~',
  '\ttab',
);

it('blocks of Markdown are the same in small windows as in one', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (lines, window) => {
      const told = (lineCount?: number) =>
        [...nextBlocks(lines.join('\n'), lineCount)].map(({ token, source, line: at }) => [token.type, source, at]);
      assert.deepEqual(told(window), told());
    }),
    cases(1_000),
  );
});
