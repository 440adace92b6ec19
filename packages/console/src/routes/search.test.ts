import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  auditSearch,
  chatSearch,
  keysSearch,
  memorySearch,
  personaSearch,
  playbooksSearch,
  runsSearch,
  settingsSearch,
  signInSearch,
  skillsSearch,
  tasksSearch,
  usageSearch,
} from './search.ts';

test('what a list does not understand of its address is dropped', () => {
  assert.deepEqual(runsSearch({ status: 'failed', offset: 50 }), { status: 'failed', offset: 50 });
  assert.deepEqual(runsSearch({ status: '<b>', offset: -1 }), { status: undefined, offset: undefined });
  assert.deepEqual(tasksSearch({ status: 'queued', type: '', create: 'yes', task: 7 }), {
    status: undefined,
    agent: undefined,
    type: undefined,
    session: undefined,
    workflow: undefined,
    q: undefined,
    task: '7',
    create: undefined,
  });
});

test('a directory of files begins at the workspace', () => {
  assert.equal(chatSearch({ files: '/' }).files, '/');
  assert.equal(chatSearch({ files: '/notes/7' }).files, '/notes/7');
  for (const odd of ['', 'notes', 7, '/a\u0000', `/${'x'.repeat(5_000)}`])
    assert.equal(chatSearch({ files: odd }).files, undefined);
});

test('a range of days holds days that there are', () => {
  assert.equal(usageSearch({ from: '2026-02-28' }).from, '2026-02-28');
  for (const from of ['2026-02-30', '2026-2-3', 'yesterday', 20260203])
    assert.equal(usageSearch({ from }).from, undefined);
  assert.equal(usageSearch({ by: 'weather' }).by, undefined);
});

test('a search of digits stays text', () => {
  assert.equal(chatSearch({ q: 2026 }).q, '2026');
});

test('sign-in leads back into the console and nowhere else', () => {
  assert.equal(signInSearch({ from: '/runs?status=failed' }).from, '/runs?status=failed');
  for (const from of ['https://example.com', '//example.com', '/\\example.com', 'javascript:alert(1)']) {
    assert.equal(signInSearch({ from }).from, undefined);
  }
});

test('a moment in an address is one in UTC, and a status or a choice one that there is', () => {
  assert.equal(auditSearch({ from: '2026-11-22T08:00:00Z' }).from, '2026-11-22T08:00:00.000Z');
  for (const from of ['2026-11-22', '2026-13-22T08:00:00Z', '2026-11-22T08:00:00+01:00', 7])
    assert.equal(auditSearch({ from }).from, undefined);
  assert.deepEqual(keysSearch({ status: 'lost', create: 'true' }), { status: undefined, create: undefined });
  assert.deepEqual(settingsSearch({ q: 'port', show: 'secret' }), { q: 'port', show: undefined });
});

test('a search of knowledge keeps a question as long as one may be, and places that there are', () => {
  const {
    tab,
    in: where,
    ask,
    top,
  } = personaSearch({ tab: 'search', in: 'Mind-KB', ask: 'x'.repeat(3_000), top: 5_000 });
  assert.deepEqual([tab, where, ask?.length, top], ['search', 'Mind-KB', 2_000, 100]);
  const odd = personaSearch({ tab: 'Heart-KB', in: 'search', top: -1, from: -20, chunk: 0 });
  assert.deepEqual([odd.tab, odd.in, odd.top, odd.from, odd.chunk], Array(5).fill(undefined));
  assert.equal(personaSearch({ from: 0 }).from, 0);
  assert.equal(memorySearch({ in: 'Soul-KB' }).in, undefined);
  assert.equal(memorySearch({ ask: 2026 }).ask, '2026');
  const { edit, merge, persona } = memorySearch({ edit: '', merge: true, persona: ['a'] });
  assert.deepEqual([edit, merge, persona], [undefined, undefined, undefined]);
  assert.deepEqual(playbooksSearch({ persona: 'p', offset: 20 }), { persona: 'p', offset: 20 });
  assert.deepEqual(skillsSearch({ skill: 'web', offset: '1' }), { skill: 'web', offset: undefined });
});
