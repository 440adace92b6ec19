// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PersonaInput } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { openDocumentReader, type DocumentReader } from '@reeve/documents';
import { refreshBodies, type BodyNote } from './body.ts';
import { deleteDocument } from './documents.ts';
import { listDocumentRows } from './document-store.ts';
import { createPersona } from './personas.ts';
import { searchKnowledge } from './search.ts';

const { signal } = new AbortController();
const options = { restMs: 0, signal, onFailure: (_: string, error: unknown) => assert.ifError(error) };

describe('the Body of personas', { timeout: 120_000 }, () => {
  let database: Database;
  let reader: DocumentReader;
  const ids: Record<string, string> = {};
  let notes: Record<string, BodyNote[]> = {};
  const who = (tenantId: string) => ({ tenantId, userId: 'ada', traceId: 'trace-1' });
  const note = (text: string): BodyNote => ({ source: 'reeve:tools', title: 'Tools', text });
  const refresh = () => refreshBodies({ database, reader }, async (tenantId) => notes[tenantId] ?? [], options);
  const body = (tenantId: string, name: string) =>
    inTenant(database.db, tenantId, async (tx) => {
      const base = { tenantId, personaId: ids[name]!, knowledgeBase: 'Body-KB' as const };
      return (await listDocumentRows(tx, base, {}, { limit: 10, offset: 0 })).documents;
    });
  const find = async (tenantId: string, name: string, query: string) => {
    const asked = { query, topK: 5, knowledgeBases: ['Body-KB' as const], personaId: ids[name]!, tags: [] };
    const { matches } = await inTenant(database.db, tenantId, (tx) => searchKnowledge(tx, tenantId, asked));
    return matches.map(({ text }) => text);
  };

  before(async () => {
    database = await openTestDatabase();
    reader = openDocumentReader();
    for (const [tenantId, name] of [
      ['default', 'ada'],
      ['default', 'bob'],
      ['other', 'eve'],
    ] as const) {
      const input = PersonaInput.parse({ name });
      ids[name] = (await inTenant(database.db, tenantId, (tx) => createPersona(tx, who(tenantId), input))).id;
    }
  });
  after(async () => {
    await reader[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  it('is told once what holds for its tenant, by however many at once', async () => {
    notes = { default: [note('The drill works.')], other: [note('The saw works.')] };
    await Promise.all([refresh(), refresh(), refresh()]);
    assert.equal(await refresh(), 0);
    for (const [tenantId, name, says] of [
      ['default', 'ada', 'The drill works.'],
      ['default', 'bob', 'The drill works.'],
      ['other', 'eve', 'The saw works.'],
    ] as const) {
      const documents = await body(tenantId, name);
      assert.deepEqual(
        documents.map(({ source, title, created_by }) => [source, title, created_by]),
        [['reeve:tools', 'Tools', 'reeve']],
      );
      assert.deepEqual(await find(tenantId, name, 'what works'), [says]);
    }
  });

  it('is told anew what changed, and what somebody removed', async () => {
    notes = { default: [note('The drill is broken.')], other: [note('The saw works.')] };
    assert.equal(await refresh(), 2);
    assert.deepEqual(
      [await find('default', 'ada', 'drill works'), (await body('default', 'ada')).length],
      [['The drill is broken.'], 1],
    );
    const { id } = (await body('default', 'bob'))[0]!;
    const base = { tenantId: 'default', personaId: ids['bob']!, knowledgeBase: 'Body-KB' as const };
    await inTenant(database.db, 'default', (tx) => deleteDocument(tx, who('default'), base, id));
    assert.equal(await refresh(), 1);
    assert.deepEqual(await find('default', 'bob', 'drill'), ['The drill is broken.']);
  });

  it('is not told one thing and another in turns by processes that see different things', async () => {
    const parts = { database, reader };
    const sees = (text: string) => refreshBodies(parts, async () => [note(text)], { ...options, restMs: 60_000 });
    assert.deepEqual([await sees('The drill hums.'), await sees('The drill is silent.')], [0, 0]);
    await database.db
      .updateTable('documents')
      .set({ updated_at: new Date(0) })
      .execute();
    assert.deepEqual([await sees('The drill hums.'), await sees('The drill is silent.')], [3, 0]);
  });

  it('is told in one tenant though another’s tools cannot be asked', async () => {
    const failed: string[] = [];
    const written = await refreshBodies(
      { database, reader },
      async (tenantId) => (tenantId === 'default' ? Promise.reject(new Error('no')) : [note('The saw is new.')]),
      { ...options, onFailure: (tenantId) => failed.push(tenantId) },
    );
    assert.deepEqual([written, failed], [1, ['default']]);
  });
});
