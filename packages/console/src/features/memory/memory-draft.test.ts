import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Memory } from '@reeve/contract';
import { changesOf, memoryDraft } from './memory-draft.ts';

const memory: Memory = {
  id: 'a',
  tenant_id: 'default',
  persona_id: null,
  text: 'Bread is baked at six.',
  tags: ['bread', 'morning'],
  source: { session_id: null, run_id: null },
  created_at: '2026-11-01T00:00:00Z',
  superseded_by: null,
  expires_at: '2026-12-01T00:00:00Z',
};

it('of a memory only what was changed is sent', () => {
  const draft = memoryDraft(memory);
  assert.equal(changesOf(memory, draft), undefined);
  assert.equal(changesOf(memory, { ...draft, tags: ' bread ,morning, bread' }), undefined);
  assert.deepEqual(changesOf(memory, { ...draft, text: 'Bread.' }), { text: 'Bread.' });
  assert.deepEqual(changesOf(memory, { ...draft, tags: '' }), { tags: [] });
  assert.deepEqual(changesOf(memory, { ...draft, lasting: 'ever' }), { ttl_s: null });
  assert.deepEqual(changesOf(memory, { ...draft, lasting: 'week' }), { ttl_s: 604_800 });
});
