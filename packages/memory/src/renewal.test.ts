// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PersonaInput } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { newId, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import { DEFAULT_RULES } from './care/sensitive.ts';
import { openDocumentReader, type DocumentReader } from '@reeve/documents';
import { addDocument } from './knowledge/documents.ts';
import { createPersona } from './knowledge/personas.ts';
import { searchKnowledge } from './knowledge/search.ts';
import { learnPlaybook, offerPlaybooks } from './playbooks/playbooks.ts';
import { renewSpaces } from './renewal.ts';

const tenantId = 'default';
const who = { tenantId, userId: 'ada', traceId: 'trace-1' };
const { signal } = new AbortController();

describe('what an older analyzer indexed', { timeout: 120_000 }, () => {
  let database: Database;
  let reader: DocumentReader;
  let personaId: string;
  const work = <T>(run: (tx: Tx) => Promise<T>) => inTenant(database.db, tenantId, run);
  const found = async (query: string) => {
    const asked = { query, topK: 100, knowledgeBases: ['Domain-KB' as const], personaId, tags: [] };
    return (await work((tx) => searchKnowledge(tx, tenantId, asked))).matches.map(({ text }) => text);
  };
  const offered = () => work((tx) => offerPlaybooks(tx, { tenantId, personaId }, 'polish the brass bell', 5));

  before(async () => {
    database = await openTestDatabase();
    reader = openDocumentReader();
    const persona = await work((tx) => createPersona(tx, who, PersonaInput.parse({ name: 'Renewed' })));
    personaId = persona.id;
  });
  after(async () => {
    await reader[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });

  it('of a base and of playbooks is indexed anew, by one of those who try at once', async () => {
    const text = Array.from({ length: 700 }, (_, at) =>
      `# Bell ${at}\n\nThe bell of number${at} rings. `.padEnd(900, 'so '),
    );
    const content = { bytes: Buffer.from(text.join('\n\n')), name: 'bells.md' };
    const document = await addDocument(
      { database, reader },
      who,
      personaId,
      'Domain-KB',
      content,
      { tags: [] },
      signal,
    );
    assert.ok(document.chunk_count > 500, `${document.chunk_count} chunks are more than a batch`);
    const calls = [{ tool: 'run_code', input: { code: 'polish()' } }];
    const experience = { tenantId, personaId, goal: 'Polish the brass bell', calls, runId: null, sessionId: newId() };
    await work((tx) => learnPlaybook(tx, experience, DEFAULT_RULES));
    const before = await found('number666');
    assert.equal(before.length, 1);

    await sql`update lexical_spaces set analyzer_version = 0`.execute(database.db);
    await sql`update lexical_terms set term = 'stale-' || term`.execute(database.db);
    assert.deepEqual([await found('number666'), await offered()], [[], []]);
    // Killed on the way: what is done stays done, and nothing is lost.
    const dying = new AbortController();
    let pieces = 0;
    const batch = { size: () => 50, took: () => void (++pieces === 3 && dying.abort()) };
    await renewSpaces(database.db, silentLog, dying.signal, batch);
    assert.deepEqual(
      [(await found('rings')).length, (await found('number7')).length, await found('number666')],
      [100, 1, []],
    );
    await Promise.all([renewSpaces(database.db, silentLog, signal), renewSpaces(database.db, silentLog, signal)]);
    assert.deepEqual([await found('number666'), (await offered()).length], [before, 1]);
    const { rows } = await sql<{ texts: number; stale: number }>`select
      (select count(*) from lexical_entries) as texts,
      (select count(*) from lexical_terms where term like 'stale-%') as stale`.execute(database.db);
    assert.deepEqual(rows, [{ texts: document.chunk_count + 1, stale: 0 }]);
  });
});
