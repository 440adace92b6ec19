import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JournalEntry } from '@reeve/contract';
import { journalIdOf } from './journal-id.ts';

describe('the id of a journal entry', () => {
  it('is a UUID, another one for each place', () => {
    const places = [
      { xid: '0', position: 0 },
      { xid: '1', position: 0 },
      { xid: '0', position: 1 },
      { xid: '16', position: 1 },
      { xid: '1', position: 16 },
      { xid: String(2n ** 60n - 1n), position: Number.MAX_SAFE_INTEGER },
    ];
    const ids = places.map(journalIdOf);
    for (const id of ids) JournalEntry.shape.id.parse(id);
    assert.equal(new Set(ids).size, places.length);
    assert.equal(ids[5], 'ffffffff-ffff-8fff-801f-ffffffffffff');
  });
});
