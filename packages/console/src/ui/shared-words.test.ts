import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { partsOf, sharedWords } from './shared-words.ts';

const marked = (question: string, text: string): string[] =>
  sharedWords(question, text).map(([from, to]) => text.slice(from, to));

describe('the words that a question shares with a text', () => {
  it('are found whatever their case, accents and endings', () => {
    assert.deepEqual(marked('When does the gong RING?', 'The gong rings at noon. Ringing gongs!'), [
      'gong',
      'rings',
      'Ringing',
      'gongs',
    ]);
    assert.deepEqual(marked('cafe', 'Zum Café, Cafés'), ['Café', 'Cafés']);
    assert.deepEqual(marked('книга', 'Важная книга'), ['книга']);
  });

  it('are none of those that say nothing, and no parts of others', () => {
    assert.deepEqual(marked('where is the alarm of it', 'It is where the alarms of the house are.'), ['alarms']);
    assert.deepEqual(marked('art', 'a party starts'), []);
  });

  it('are marked in any text without changing a character of it', () => {
    const words = fc.array(fc.constantFrom('alarm', 'Alarms', 'the', 'é', 'e\u0301', '漢字', '😀', ' ', '\n', '-'));
    const text = fc.oneof(
      words.map((all) => all.join(' ')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(text, text, (question, value) => {
        const parts = partsOf(value, sharedWords(question, value));
        assert.equal(parts.map((part) => part.text).join(''), value);
        for (const part of parts) if (part.isMarked) assert.deepEqual(marked(question, part.text), [part.text]);
      }),
      cases(),
    );
  });
});
