import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { createChunkTemplate } from './chunk-template.ts';

const chunkOf = (content: string, more: object = {}) =>
  JSON.stringify({ id: 'x', choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more });

it('a chunk of the same form is recognized by its length alone, whatever it says, and never where parsing would say otherwise', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (first, second) => {
      const form = createChunkTemplate();
      form.learn(chunkOf(first), first);
      const characters = form.charactersIn(chunkOf(second));
      if (characters !== undefined) assert.equal(characters, second.length);
      else assert.ok(/["\\\p{Cc}\p{Cs}]/u.test(second) || chunkOf(first).split(JSON.stringify(first)).length > 2);
    }),
    cases(),
  );
});

it('a chunk of another form is parsed', () => {
  const form = createChunkTemplate();
  assert.equal(form.charactersIn(chunkOf('a')), undefined);
  form.learn(chunkOf('a'), 'a');
  assert.equal(form.charactersIn(chunkOf('bcd')), 3);
  assert.equal(form.charactersIn(chunkOf('b', { usage: {} })), undefined);
  assert.equal(form.charactersIn(chunkOf('say "b"')), undefined);
  assert.equal(form.charactersIn(chunkOf('b').slice(0, -1)), undefined);
  assert.equal(form.charactersIn(chunkOf('b').replace('b', 'b\n')), undefined);
  const short = chunkOf('').replace('"content":""', '"content":"');
  assert.equal(form.charactersIn(short), undefined);
});
