import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Memory } from '@reeve/contract';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { mergeDraft, mergeOf } from './merge.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const memory = (id: string, text: string, fields: Partial<Memory> = {}): Memory => ({
  id,
  tenant_id: 'default',
  persona_id: null,
  text,
  tags: [],
  source: { session_id: null, run_id: null },
  created_at: '2026-11-01T00:00:00Z',
  expires_at: null,
  superseded_by: null,
  ...fields,
});
const bread = memory('a', 'Bread is baked at six.', { tags: ['bread'] });
const daily = memory('b', 'bread  is baked at SIX. Daily.', {
  tags: ['bread', 'day'],
  created_at: '2026-11-02T00:00:00Z',
});
const gong = memory('c', 'The gong rings at noon.', { created_at: '2026-11-03T00:00:00Z' });

describe('merging two memories', () => {
  it('begins with the text that says all of the other, else with both, and with the tags of both', () => {
    assert.deepEqual(mergeDraft(daily, bread), { text: daily.text, tags: 'bread, day' });
    const odd = memory('d', bread.text, { tags: ['flour, water', ' salt'] });
    assert.equal(mergeOf(odd, gong, mergeDraft(odd, gong), NOW).change.tags, undefined, 'tags with commas stay whole');
    assert.deepEqual(mergeDraft(gong, bread), { text: `${bread.text}\n${gong.text}`, tags: 'bread' });
  });

  it('keeps the older one, unless the newer says already what is typed', () => {
    const both = mergeOf(gong, bread, { text: 'Bread at six, gong at noon.', tags: 'bread' }, NOW);
    assert.deepEqual([both.kept.id, both.change], ['a', { absorbs: ['c'], text: 'Bread at six, gong at noon.' }]);
    const newer = mergeOf(bread, gong, { text: ' the GONG rings at noon.', tags: '' }, NOW);
    assert.deepEqual([newer.kept.id, newer.change], ['c', { absorbs: ['a'], text: ' the GONG rings at noon.' }]);
    assert.deepEqual(mergeOf(bread, gong, { text: bread.text, tags: 'bread' }, NOW).change, { absorbs: ['c'] });
  });

  it('lets the one that is kept last as long as the longer of the two', () => {
    const soon = memory('a', 'x', { expires_at: '2026-11-23T12:00:10Z' });
    const later = memory('b', 'y', { expires_at: '2026-11-23T12:01:00.5Z', created_at: '2026-11-02T00:00:00Z' });
    const draft = { text: 'x', tags: '' };
    assert.deepEqual(mergeOf(soon, later, draft, NOW).change, { absorbs: ['b'], ttl_s: 61 });
    assert.deepEqual(mergeOf(soon, { ...later, expires_at: null }, draft, NOW).change, { absorbs: ['b'], ttl_s: null });
    assert.deepEqual(mergeOf({ ...soon, expires_at: null }, later, draft, NOW).change, { absorbs: ['b'] });
    assert.deepEqual(mergeOf(soon, { ...later, expires_at: '2026-11-23T12:00:11Z' }, draft, NOW + 60_000).change, {
      absorbs: ['b'],
      ttl_s: 1,
    });
  });

  it('never writes a text that the other one of the two says, whichever is named first', () => {
    const text = fc.constantFrom('a', 'A', ' a', 'b', 'b ', 'a\nb', 'c');
    const time = fc.constantFrom('2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z');
    fc.assert(
      fc.property(text, text, text, time, time, (first, second, typed, madeFirst, madeSecond) => {
        const plain = (value: string) => value.toLowerCase().trim();
        fc.pre(plain(first) !== plain(second));
        const one = memory('1', first, { created_at: madeFirst });
        const other = memory('2', second, { created_at: madeSecond });
        const merge = mergeOf(one, other, { text: typed, tags: '' }, NOW);
        assert.deepEqual(mergeOf(other, one, { text: typed, tags: '' }, NOW), merge);
        assert.deepEqual([merge.kept.id, merge.dropped.id].sort(), ['1', '2']);
        assert.equal(merge.change.text ?? merge.kept.text, typed);
        assert.notEqual(plain(merge.dropped.text), plain(typed));
      }),
      cases(),
    );
  });
});
