// runs on: both databases
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runText } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { auditInsert, journalInsert } from './insert-text.ts';

describe('inserts as parts of a statement', () => {
  it('write journal entries in the order of their sources, and defaults for the columns left out', async () => {
    await using database = await openTestDatabase();
    const entry = { tenantId: `'default'`, type: `'task_created'`, summary: 'title' };
    const text = `with made as (select $1::text as title), told as (${journalInsert(
      { values: entry, from: 'made' },
      { values: { ...entry, type: `'task_started'`, summary: `'then ' || title` }, from: 'made' },
    )}) select title from made`;
    assert.deepEqual(await runText(database.db, text, ['first']), [{ title: 'first' }]);
    const rows = await database.db.selectFrom('journal').selectAll().orderBy('position').execute();
    assert.deepEqual(
      rows.map(({ type, summary, actor, details }) => [type, summary, actor, details]),
      [
        ['task_created', 'first', 'system', {}],
        ['task_started', 'then first', 'system', {}],
      ],
    );
  });

  it('write audit rows with an id and the time of the database', async () => {
    await using database = await openTestDatabase();
    const values = { tenantId: `'default'`, actor: '$1::text', action: `'TASK_CREATED'`, traceId: `'t'` };
    await runText(database.db, auditInsert({ values, from: 'generate_series(1, 2)' }), ['ada']);
    const rows = await database.db.selectFrom('audit').selectAll().execute();
    assert.deepEqual(
      rows.map(({ actor, action, details }) => [actor, action, details]),
      [
        ['ada', 'TASK_CREATED', {}],
        ['ada', 'TASK_CREATED', {}],
      ],
    );
    assert.notEqual(rows[0]!.id, rows[1]!.id);
    assert.ok(rows.every(({ at }) => Math.abs(at.getTime() - Date.now()) < 60_000));
  });
});
