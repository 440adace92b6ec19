import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Persona } from '@reeve/contract';
import { countsOf, tagsIn } from './bases.ts';
import { changesOf, personaDraft, personaOf } from './persona-draft.ts';
import { documentOf, EMPTY_TEXT } from './text-draft.ts';

const BARKY = { name: 'Barky', slug: 'barky', description: 'A dog.' } as Persona;

test('a new persona gets its slug from the server unless one was typed', () => {
  assert.deepEqual(personaOf({ name: ' Barky ', slug: ' ', description: '' }), { name: 'Barky', description: '' });
  assert.equal(personaOf({ name: 'Barky', slug: 'dog', description: '' }).slug, 'dog');
});

test('only what was changed of a persona is sent, and an emptied field is a change', () => {
  const draft = personaDraft(BARKY);
  assert.equal(changesOf(BARKY, { ...draft, name: ' Barky' }), undefined);
  assert.deepEqual(changesOf(BARKY, { ...draft, description: '', slug: '' }), { description: '', slug: '' });
});

test('a text keeps its own blanks, and says nothing of fields that are empty', () => {
  assert.deepEqual(documentOf({ ...EMPTY_TEXT, text: '  code\n' }), { text: '  code\n', tags: [] });
  assert.deepEqual(documentOf({ text: 'x', title: ' T ', source: ' s ', tags: 'a, b,, a ' }), {
    text: 'x',
    title: 'T',
    source: 's',
    tags: ['a', 'b'],
  });
});

test('tags are told apart by commas, and counts name only what is filled', () => {
  assert.deepEqual(tagsIn(' one, two words ,one,'), ['one', 'two words']);
  const documents = { 'Soul-KB': 1, 'Domain-KB': 1_200, 'Body-KB': 0, 'Mind-KB': 0 };
  assert.deepEqual(countsOf({ documents }), { total: 1_201, words: 'Soul 1, Domain 1,200' });
});
