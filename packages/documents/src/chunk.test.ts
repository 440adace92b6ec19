import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { chunkDocument, MAX_CHUNK } from './chunk.ts';
import { plainText, type Block, type ReadDocument } from './document.ts';

const documentOf = (blocks: readonly Block[]): ReadDocument => ({ title: null, mediaType: 'text/markdown', blocks });

const word = fc.oneof(
  { weight: 20, arbitrary: fc.stringMatching(/^[a-z]{1,12}[.,!?]?$/) },
  { weight: 2, arbitrary: fc.constantFrom('\n', '\n\n', '\t', '   ', '\u00A0', '\u3000', '\r\n') },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('👩‍👩‍👧‍👦', '🇩🇪🇫🇷🇬🇧', 'é', 'e\u0301', ' \u0301', 'क्षि', '日本語のテキスト。', 'ภาษาไทย'),
  },
);
/** Texts short and long, made of few words and repeated, with and without spaces. */
const text = fc
  .record({
    words: fc.array(word, { minLength: 1, maxLength: 40 }),
    gap: fc.constantFrom(' ', '', '\n'),
    times: fc.constantFrom(1, 1, 1, 30, 300),
  })
  .map(({ words, gap, times }) => `${words.join(gap)}${gap}`.repeat(times));

const block: fc.Arbitrary<Block> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('heading' as const), level: fc.integer({ min: 1, max: 6 }), text }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('paragraph' as const, 'list' as const, 'code' as const, 'rows' as const, 'table' as const),
      text,
      page: fc.integer({ min: 1, max: 9 }),
    }),
  },
);
const documents = fc.array(block, { maxLength: 12 }).map(documentOf);

/** Where characters begin, as readers see them. */
function borders(of: string): Set<number> {
  return new Set([...new Intl.Segmenter('en').segment(of)].map(({ index }) => index)).add(of.length);
}

describe('chunks of any document', () => {
  it('are slices of its text, in order, at most 1,600 characters long, and leave out only blanks', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const whole = plainText(document);
        let at = 0;
        for (const [index, { position, text, start, end }] of chunkDocument(document).entries()) {
          assert.equal(position, index);
          assert.equal(text, whole.slice(start, end));
          assert.ok(text.length <= MAX_CHUNK && text.trim() !== '');
          assert.equal(whole.slice(at, start).trim(), '');
          assert.ok(start >= at);
          at = end;
        }
        assert.equal(whole.slice(at).trim(), '');
      }),
      cases(300),
    );
  });

  it('cut no character in two', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const whole = plainText(document);
        const allowed = borders(whole);
        for (const { start, end } of chunkDocument(document)) {
          assert.ok(allowed.has(start), `begins inside a character at ${start}`);
          assert.ok(allowed.has(end), `ends inside a character at ${end}`);
        }
      }),
      cases(300),
    );
  });

  it('have the headings above them, each to the next of its level or higher, and none goes over one', () => {
    fc.assert(
      fc.property(documents, (document) => {
        const chunks = chunkDocument(document);
        const path: { level: number; text: string }[] = [];
        let at = 0;
        for (const block of document.blocks) {
          const end = at + block.text.length;
          if (block.kind === 'heading') {
            while (path.length > 0 && path.at(-1)!.level >= block.level) path.pop();
            path.push(block);
          } else {
            const expected = path.map((heading) => heading.text.slice(0, 200).toWellFormed());
            for (const chunk of chunks)
              if (
                chunk.start < end &&
                chunk.end > at &&
                plainText(document).slice(Math.max(at, chunk.start), Math.min(end, chunk.end)).trim() !== ''
              )
                assert.deepEqual(chunk.headings, expected);
          }
          at = end + 2;
        }
      }),
      cases(300),
    );
  });

  it('cut a character in two only where it is longer than a chunk, and then no surrogate pair', () => {
    const giant = `a${'\u0301'.repeat(3_000)}`;
    const astral = `x${'\u{1E8D0}'.repeat(1_500)}`;
    for (const text of [giant, astral]) {
      const chunks = chunkDocument(documentOf([{ kind: 'paragraph', text }]));
      assert.equal(chunks.map((chunk) => chunk.text).join(''), text);
      assert.ok(chunks.every((chunk) => chunk.text.isWellFormed() && chunk.text.length <= MAX_CHUNK));
    }
  });
});

describe('a chunk', () => {
  const sentence = 'The quick brown fox jumps over the lazy dog near the river. ';

  it('ends with a sentence where a paragraph is too long', () => {
    const chunks = chunkDocument(documentOf([{ kind: 'paragraph', text: sentence.repeat(100) }]));
    assert.ok(chunks.length >= 4);
    for (const { text } of chunks) assert.match(text, /^The quick[^]*river\.$/);
  });

  it('ends with a line where code is too long, whose indentation stays', () => {
    const text = Array.from({ length: 200 }, (_, index) => `    call(${index}); // and so on`).join('\n');
    const chunks = chunkDocument(documentOf([{ kind: 'code', text }]));
    assert.ok(chunks.length > 2);
    for (const chunk of chunks) assert.match(chunk.text, /^ {4}call\([^]*so on$/);
  });

  it('ends with a word where there is no sentence', () => {
    const chunks = chunkDocument(documentOf([{ kind: 'paragraph', text: 'wordy '.repeat(1_000) }]));
    for (const { text } of chunks) assert.match(text, /^(wordy ?)+$/);
  });

  it('holds blocks together that fit, and begins with a heading, which stays with what is below it', () => {
    const chunks = chunkDocument(
      documentOf([
        { kind: 'heading', level: 1, text: 'Guide' },
        { kind: 'heading', level: 2, text: 'Install' },
        { kind: 'paragraph', text: 'First.', page: 1 },
        { kind: 'list', text: '- a\n- b', page: 2 },
        { kind: 'heading', level: 2, text: 'Use' },
        { kind: 'paragraph', text: sentence.repeat(40).trim(), page: 3 },
      ]),
    );
    assert.equal(chunks[0]!.text, 'Guide\n\nInstall\n\nFirst.\n\n- a\n- b');
    assert.deepEqual(chunks[0]!.headings, ['Guide', 'Install']);
    assert.match(chunks[1]!.text, /^Use\n\nThe quick[^]*river\.$/);
    assert.deepEqual(
      chunks.slice(1).map(({ headings }) => headings),
      [
        ['Guide', 'Use'],
        ['Guide', 'Use'],
      ],
    );
    assert.equal(chunks[2]!.page, 3);
  });
});
