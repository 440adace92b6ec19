// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { PersonaInput } from '@reeve/contract';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { DEFAULT_RULES } from '../care/sensitive.ts';
import { createPersona, deletePersona } from '../knowledge/personas.ts';
import { sql } from 'kysely';
import {
  recordPlaybookFailures,
  deletePlaybook,
  followedPlaybooks,
  learnPlaybook,
  offerPlaybooks,
  playbookItem,
} from './playbooks.ts';
import { textOf } from './playbook.ts';
import { listPlaybookRows } from './store.ts';
import { findSpaces } from '../spaces.ts';

const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const CALLS = [
  { tool: 'read_file', input: { path: 'sales.csv' } },
  { tool: 'python_execute', input: { code: 'print(1)' } },
];

describe('playbooks', () => {
  let database: Database;
  const work = <T>(run: (tx: Tx) => Promise<T>, tenantId = 'default') => inTenant(database.db, tenantId, run);
  const learn = (goal: string, { personaId = null as string | null, calls = CALLS, tenantId = 'default' } = {}) =>
    work(
      (tx) =>
        learnPlaybook(
          tx,
          { tenantId, personaId, goal, calls, runId: randomUUID(), sessionId: randomUUID() },
          DEFAULT_RULES,
        ),
      tenantId,
    );
  const offer = (goal: string, personaId: string | null = null, tenantId = 'default') =>
    work((tx) => offerPlaybooks(tx, { tenantId, personaId }, goal, 3), tenantId);
  const blame = (...ids: string[]) =>
    work((tx) => recordPlaybookFailures(tx, { tenantId: 'default', personaId: null }, ids));
  const all = () => work((tx) => listPlaybookRows(tx, 'default', undefined, { limit: 100, offset: 0 }));
  const persona = async (name: string) => (await work((tx) => createPersona(tx, who, PersonaInput.parse({ name })))).id;

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of ['playbooks', 'personas', 'lexical_spaces', 'lexical_entries', 'lexical_terms'] as const)
      await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  it('that are alike are one, which counts its successes and keeps the latest steps', async () => {
    const first = await learn('Sum up the sales of May');
    const second = await learn('sum up the sales of June', {
      calls: [{ ...CALLS[0]!, input: { path: 'june.csv' } }, CALLS[1]!],
    });
    assert.deepEqual([first?.merged, second], [false, { id: first!.id, merged: true }]);
    const other = await learn('Water the plants');
    assert.equal(other?.merged, false);
    const { playbooks } = await all();
    assert.deepEqual(
      playbooks.map(({ goal, successes, steps }) => [goal, successes, steps[0]!.args['path']]),
      [
        ['Water the plants', 1, 'sales.csv'],
        ['Sum up the sales of May', 2, 'june.csv'],
      ],
    );
  });

  it('learnt by two at once are one all the same', async () => {
    await Promise.all(Array.from({ length: 8 }, () => learn('Sum up the sales of May')));
    const { playbooks } = await all();
    assert.deepEqual(
      playbooks.map(({ successes }) => successes),
      [8],
    );
  });

  it('are offered for what is alike, those that work first, and not for a word in common', async () => {
    await learn('Sum up the sales of May', { calls: [CALLS[0]!] });
    for (let n = 0; n < 4; n++) await learn('Sum up the sales of May');
    const offered = await offer('please sum up the sales of December');
    assert.deepEqual(
      offered.map(({ successes }) => successes),
      [4, 1],
    );
    assert.deepEqual(await offer('what goes up must come down'), []);
    assert.deepEqual(await offer(''), []);
    assert.match(
      textOf(offered[0]!),
      /^What worked before \(4 of 4 times\) for: Sum up the sales of May\n1\. read_file/,
    );
  });

  it('that fail as often as they worked fall out, and out of the index', async () => {
    const { id } = (await learn('Sum up the sales'))!;
    await blame(id);
    assert.equal((await offer('sum up the sales')).length, 1);
    await blame(id);
    assert.deepEqual(await offer('sum up the sales'), []);
    assert.equal((await all()).total, 0);
    assert.deepEqual(await database.db.selectFrom('lexical_terms').select('term').execute(), []);
  });

  it('are blamed only where a run began as they say', async () => {
    const { id } = (await learn('Sum up the sales'))!;
    const [playbook] = await offer('sum up the sales');
    const context = [
      playbookItem(playbook!),
      { source: 'memory 1', text: '1. read_file' },
      // A document may be called anything.
      { source: `playbook ${randomUUID()}`, text: '1. read_file' },
    ];
    assert.deepEqual(followedPlaybooks(context, 'read_file'), [id]);
    assert.deepEqual(followedPlaybooks(context, 'python_execute'), []);
  });

  it('are merged however many others do the same for another goal', async () => {
    const { id } = (await learn('Sum up the sales of May'))!;
    for (let n = 0; n < 60; n += 1) assert.equal((await learn(`Describe animal${n}`))?.merged, false);
    assert.deepEqual(await learn('sum up the sales of June'), { id, merged: true });
    const wordless = (await learn('???'))!;
    assert.deepEqual(await learn('???'), { id: wordless.id, merged: true });
  });

  it('of a persona that is gone are not learnt, and hurt nobody', async () => {
    const gone = await persona('Gone');
    await work((tx) => deletePersona(tx, who, gone));
    assert.equal(await learn('Sum up the sales', { personaId: gone }), undefined);
  });

  it('that are new stay, however full a scope is', async () => {
    const full = await persona('Full');
    await work(async (tx) => {
      await sql`
        insert into playbooks (id, tenant_id, persona_id, goal, steps, shape, successes)
        select gen_random_uuid(), 'default', ${full}, 'goal ' || n, '[]', 'shape ' || n, 2 from generate_series(1, 1000) n`.execute(
        tx,
      );
    });
    const { id } = (await learn('Sum up the sales', { personaId: full }))!;
    assert.deepEqual(
      (await offer('sum up the sales', full)).map((one) => one.id),
      [id],
    );
    const { total } = await work((tx) => listPlaybookRows(tx, 'default', full, { limit: 1, offset: 0 }));
    assert.equal(total, 1_000);
  });

  it('cross neither persona nor tenant', async () => {
    const [one, other] = [await persona('One'), await persona('Other')];
    const mine = (await learn('Sum up the sales', { personaId: one }))!;
    assert.equal((await offer('sum up the sales', one))[0]?.id, mine.id);
    for (const personaId of [other, null]) assert.deepEqual(await offer('sum up the sales', personaId), []);
    await learn('Sum up the sales', { tenantId: 'other' });
    assert.deepEqual(await offer('sum up the sales'), []);
    // Blame of another's does nothing.
    for (let n = 0; n < 3; n++) await blame(mine.id);
    assert.equal((await offer('sum up the sales', one))[0]?.failures, 0);
    const foreign = (await offer('sum up the sales', null, 'other'))[0]!;
    await assert.rejects(
      work((tx) => deletePlaybook(tx, who, foreign.id)),
      { reason: 'not_found' },
    );
  });

  it('go with their persona, and what they are found by', async () => {
    const id = await persona('One');
    await learn('Sum up the sales', { personaId: id });
    await work((tx) => deletePersona(tx, who, id));
    assert.equal((await all()).total, 0);
    assert.deepEqual(await work((tx) => findSpaces(tx, { tenantId: 'default', kinds: ['playbook'] })), []);
    assert.deepEqual(await database.db.selectFrom('lexical_terms').select('term').execute(), []);
  });

  it('are deleted by people, which is written down', async () => {
    const { id } = (await learn('Sum up the sales'))!;
    await work((tx) => deletePlaybook(tx, who, id));
    assert.deepEqual(await offer('sum up the sales'), []);
    const audit = await database.db
      .selectFrom('audit')
      .select('details')
      .where('action', '=', 'PLAYBOOK_DELETED')
      .execute();
    assert.deepEqual(audit.at(-1)?.details, { playbook: id });
  });
});
