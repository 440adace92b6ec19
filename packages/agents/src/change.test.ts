// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { AgentInput, type Agent } from '@reeve/contract';
import { inTenant, json, type Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { assistant } from './assistant.ts';
import { ensureBuiltinAgents } from './builtin.ts';
import { createAgent, deleteAgent, restoreVersion, updateAgent } from './change.ts';
import { findAgent, selectAgentVersion } from './find.ts';
import { listAgents, listVersions } from './store.ts';

const requester = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };
const hostile = [`'; drop table agents; --`, '<script>alert(1)</script>', '\\"%_', '👩‍👩‍👧 𝕏', '$1 ${x}', 'x'.repeat(200)];

describe('agents', () => {
  let database: Database;
  const create = (fields: object = {}, who = requester) =>
    createAgent(database, who, AgentInput.parse({ name: 'Scout', ...fields }));
  const find = (ref: string, tenantId = 'default') =>
    inTenant(database.db, tenantId, (tx) => findAgent(tx, tenantId, ref));
  const list = (q?: string) =>
    inTenant(database.db, 'default', (tx) => listAgents(tx, 'default', q, { limit: 200, offset: 0 }));
  const versions = async ({ id }: Agent) =>
    (await inTenant(database.db, 'default', (tx) => listVersions(tx, id, { limit: 50, offset: 0 }))).versions;
  const audit = async (actor = 'ada') => {
    const rows = await database.db
      .selectFrom('audit')
      .selectAll()
      .where('actor', '=', actor)
      .orderBy('at')
      .orderBy('id')
      .execute();
    return rows.map(({ action, trace_id, details }) => ({ action, trace_id, details }));
  };

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of ['agent_versions', 'agents', 'audit'] as const) await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  it('are found by their id and, in any case, by their slug', async () => {
    const made = await create({ slug: 'Deep-Scout', tools: ['recall', 'recall'], metadata: { b: 1, a: [{}] } });
    assert.deepEqual([made.slug, made.version, made.built_in, made.tools], ['Deep-Scout', 1, false, ['recall']]);
    for (const ref of [made.id, made.id.toUpperCase(), 'deep-scout', 'DEEP-SCOUT'])
      assert.deepEqual(await find(ref), made);
    for (const ref of [randomUUID(), 'scout', '', 'ſcout', `' or true --`]) assert.equal(await find(ref), undefined);
  });

  it('keep hostile text as it is', async () => {
    for (const text of hostile) {
      const made = await create({
        name: text,
        description: text,
        system_prompt: text.repeat(100),
        tools: [text.slice(0, 100)],
        metadata: { [text]: text },
      });
      const found = await find(made.id);
      assert.deepEqual(
        [found?.name, found?.system_prompt, found?.metadata],
        [text, text.repeat(100), { [text]: text }],
      );
      assert.deepEqual(
        (await list(text)).configs.map(({ id }) => id),
        [made.id],
      );
    }
    assert.equal((await list()).total, hostile.length + 1);
  });

  it('get a slug from their name, with a number where it is taken', async () => {
    const slugs = [];
    for (const fields of [{}, {}, { slug: 'SCOUT-3' }, {}, { name: 'Assistant' }])
      slugs.push((await create(fields)).slug);
    assert.deepEqual(slugs, ['scout', 'scout-2', 'SCOUT-3', 'scout-4', 'assistant-2']);
  });

  it('made at once under one name all get a slug of their own', async () => {
    const made = await Promise.all(Array.from({ length: 6 }, () => create()));
    assert.deepEqual(made.map(({ slug }) => slug).sort(), [
      'scout',
      'scout-2',
      'scout-3',
      'scout-4',
      'scout-5',
      'scout-6',
    ]);
  });

  it('made at once under one slug are one and a conflict', async () => {
    const answers = await Promise.allSettled([create({ slug: 'twin' }), create({ slug: 'TWIN' })]);
    const refused = answers.flatMap((answer) =>
      answer.status === 'rejected' ? [(answer.reason as { reason: string }).reason] : [],
    );
    assert.deepEqual(refused, ['conflict']);
    assert.equal((await list('twin')).total, 1);
  });

  it('refuse a slug that is taken or that looks like an id, and leave nothing behind', async () => {
    const { id } = await create({ slug: 'one' });
    await create({ slug: 'two' });
    await assert.rejects(create({ slug: 'ONE' }), { reason: 'conflict' });
    await assert.rejects(create({ slug: 'assistant' }), { reason: 'conflict' });
    await assert.rejects(updateAgent(database, requester, 'two', { slug: 'One' }), { reason: 'conflict' });
    await assert.rejects(updateAgent(database, requester, 'two', { slug: id }), {
      reason: 'invalid_request',
      details: [{ path: 'slug', message: 'must not look like a UUID: it would be taken for the id of an agent' }],
    });
    await assert.rejects(create({ slug: id }), { reason: 'invalid_request' });
    assert.deepEqual((await list()).configs.map(({ slug, version }) => `${slug} ${version}`).sort(), [
      'assistant 1',
      'one 1',
      'two 1',
    ]);
    assert.equal((await updateAgent(database, requester, 'one', { slug: 'ONE' })).slug, 'ONE');
  });

  it('make a version of every change, and none where nothing changes', async () => {
    const made = await create({ metadata: { a: 1, b: 2 } });
    const changed = await updateAgent(database, requester, 'SCOUT', { name: 'Ranger', metadata: { b: 2 } });
    assert.deepEqual([changed.id, changed.name, changed.slug, changed.version], [made.id, 'Ranger', 'scout', 2]);
    assert.ok(changed.updated_at >= made.updated_at);
    assert.deepEqual(await updateAgent(database, requester, made.id, { name: 'Ranger', tools: [] }), changed);
    assert.deepEqual(
      (await versions(made)).map(({ version, config, created_by }) => [version, config.name, created_by]),
      [
        [2, 'Ranger', 'ada'],
        [1, 'Scout', 'ada'],
      ],
    );
    assert.deepEqual(await audit(), [
      { action: 'AGENT_CREATED', trace_id: 'trace-1', details: { agent: 'scout', id: made.id, version: 1 } },
      {
        action: 'AGENT_CHANGED',
        trace_id: 'trace-1',
        details: { agent: 'scout', id: made.id, version: 2, fields: ['name', 'metadata'] },
      },
    ]);
  });

  it('changed by many at once get every change, in consecutive versions', async () => {
    const made = await create();
    await Promise.all([
      updateAgent(database, requester, made.id, { name: 'Ranger' }),
      updateAgent(database, requester, made.id, { slug: 'ranger' }),
      ...Array.from({ length: 4 }, (_, n) => updateAgent(database, requester, made.id, { description: `by ${n}` })),
    ]);
    const now = await find(made.id);
    assert.deepEqual([now?.name, now?.slug, now?.version], ['Ranger', 'ranger', 7]);
    assert.deepEqual(
      (await versions(made)).map(({ version }) => version),
      [7, 6, 5, 4, 3, 2, 1],
    );
  });

  it('have an old version restored as the newest', async () => {
    const made = await create({ slug: 'old' });
    await updateAgent(database, requester, made.id, { slug: 'new', system_prompt: 'changed' });
    const restored = await restoreVersion(database, requester, 'new', 1);
    assert.deepEqual([restored.slug, restored.system_prompt, restored.version], ['old', '', 3]);
    assert.equal((await restoreVersion(database, requester, 'old', 1)).version, 3);
    for (const version of [4, 2 ** 40])
      await assert.rejects(restoreVersion(database, requester, 'old', version), { reason: 'not_found' });
    await create({ slug: 'new' });
    await assert.rejects(restoreVersion(database, requester, 'old', 2), { reason: 'conflict' });
    assert.deepEqual(
      (await audit()).find(({ details }) => (details as { restored?: number }).restored === 1)?.action,
      'AGENT_CHANGED',
    );
  });

  it('deleted are gone and free their slug, but keep their versions for runs', async () => {
    const made = await create({ system_prompt: 'remember me' });
    await deleteAgent(database, requester, 'scout');
    assert.equal(await find(made.id), undefined);
    assert.equal((await list('scout')).total, 0);
    await assert.rejects(deleteAgent(database, requester, made.id), { reason: 'not_found' });
    await assert.rejects(updateAgent(database, requester, made.id, { name: 'x' }), { reason: 'not_found' });
    const config = await inTenant(database.db, 'default', (tx) => selectAgentVersion(tx, made.id, 1));
    assert.equal(config.system_prompt, 'remember me');
    await assert.rejects(
      inTenant(database.db, 'default', (tx) => selectAgentVersion(tx, made.id, 2)),
      { reason: 'not_found' },
    );
    assert.notEqual((await create({ slug: 'scout' })).id, made.id);
    assert.deepEqual(
      (await audit()).map(({ action }) => action),
      ['AGENT_CREATED', 'AGENT_DELETED', 'AGENT_CREATED'],
    );
  });

  it('are listed by name, a page at a time, and found by name or slug', async () => {
    for (const name of ['zebra', 'Ant', 'bee', 'bee']) await create({ name });
    assert.deepEqual(
      (await list()).configs.map(({ slug }) => slug),
      ['ant', 'assistant', 'bee', 'bee-2', 'zebra'],
    );
    const page = await inTenant(database.db, 'default', (tx) =>
      listAgents(tx, 'default', undefined, { limit: 2, offset: 1 }),
    );
    assert.deepEqual([page.configs.map(({ slug }) => slug), page.total], [['assistant', 'bee'], 5]);
    assert.deepEqual(
      (await list('BEE-')).configs.map(({ slug }) => slug),
      ['bee-2'],
    );
    assert.equal((await list('%')).total, 0);
  });

  it('are not there for another tenant', async () => {
    const made = await create();
    const other = { ...requester, tenantId: 'other' };
    assert.equal(await find(made.id, 'other'), undefined);
    assert.equal(await inTenant(database.db, 'other', (tx) => findAgent(tx, 'default', made.id)), undefined);
    await assert.rejects(
      inTenant(database.db, 'other', (tx) => selectAgentVersion(tx, made.id, 1)),
      { reason: 'not_found' },
    );
    await assert.rejects(updateAgent(database, other, made.id, { name: 'x' }), { reason: 'not_found' });
    await assert.rejects(deleteAgent(database, other, made.id), { reason: 'not_found' });
    await assert.rejects(restoreVersion(database, other, made.id, 1), { reason: 'not_found' });
    assert.equal((await create({}, other)).slug, 'scout');
  });
});

describe('the built-in assistant', () => {
  let database: Database;
  const find = (ref = 'assistant') => inTenant(database.db, 'default', (tx) => findAgent(tx, 'default', ref));
  const rows = () =>
    database.db.selectFrom('agent_versions').select(['version', 'created_by']).orderBy('version').execute();

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of ['agent_versions', 'agents', 'audit'] as const) await database.db.deleteFrom(table).execute();
  });
  after(() => database[Symbol.asyncDispose]());

  it('is there when a tenant first asks for it, once, and the audit log says so', async () => {
    const found = await Promise.all(Array.from({ length: 6 }, (_, n) => find(n % 2 === 0 ? 'assistant' : 'ASSISTANT')));
    assert.equal(new Set(found.map((agent) => agent?.id)).size, 1);
    assert.deepEqual([found[0]?.built_in, found[0]?.tools, found[0]?.version], [true, assistant.tools, 1]);
    const audit = await database.db.selectFrom('audit').select(['actor', 'action']).execute();
    assert.deepEqual(audit, [{ actor: 'system', action: 'AGENT_CREATED' }]);
  });

  it('is made again after a transaction that made it was rolled back', async () => {
    await assert.rejects(
      inTenant(database.db, 'default', async (tx) => {
        assert.ok(await findAgent(tx, 'default', 'assistant'));
        throw new Error('the sun went out');
      }),
      /the sun went out/,
    );
    assert.deepEqual(await rows(), []);
    assert.ok(await find());
  });

  it('gets a new version where this program’s configuration is a new one, once', async () => {
    const { id } = (await find())!;
    const older = { ...assistant, system_prompt: 'older', tools: ['calculator'] };
    await database.db
      .updateTable('agent_versions')
      .set({ config: json(older) })
      .where('agent_id', '=', id)
      .execute();
    const found = await Promise.all([find(), find(id), find()]);
    for (const agent of found)
      assert.deepEqual([agent?.id, agent?.version, agent?.system_prompt], [id, 2, assistant.system_prompt]);
    assert.deepEqual(await rows(), [
      { version: 1, created_by: 'system' },
      { version: 2, created_by: 'system' },
    ]);
  });

  it('keeps a newer program’s configuration while this one still runs beside it', async () => {
    const { id } = (await find())!;
    const newer = { ...assistant, system_prompt: 'newer', a_field_of_tomorrow: 1 };
    await database.db
      .insertInto('agent_versions')
      .values({
        agent_id: id,
        version: 2,
        tenant_id: 'default',
        config: json(newer),
        created_at: new Date(),
        created_by: 'system',
      })
      .execute();
    await database.db.updateTable('agents').set({ version: 2 }).where('id', '=', id).execute();
    const agent = await find();
    assert.deepEqual([agent?.version, agent?.system_prompt, 'a_field_of_tomorrow' in agent!], [2, 'newer', false]);
    assert.equal((await rows()).length, 2);
  });

  it('cannot be changed or deleted', async () => {
    const message = /built in and cannot be changed or deleted; create one of your own/;
    const who = { tenantId: 'default', userId: 'ada', traceId: 't' };
    await assert.rejects(updateAgent(database, who, 'assistant', { name: 'Mine' }), { reason: 'forbidden', message });
    await assert.rejects(deleteAgent(database, who, 'Assistant'), { reason: 'forbidden', message });
    await assert.rejects(restoreVersion(database, who, 'assistant', 1), { reason: 'forbidden', message });
  });

  it('leaves its slug to an agent that had it before', async () => {
    const id = randomUUID();
    await inTenant(database.db, 'default', async (tx) => {
      const now = new Date();
      await tx
        .insertInto('agents')
        .values({
          id,
          tenant_id: 'default',
          slug: 'Assistant',
          name: 'Mine',
          version: 1,
          created_at: now,
          updated_at: now,
          deleted_at: null,
        })
        .execute();
      const config = json({ name: 'Mine', slug: 'Assistant' });
      await tx
        .insertInto('agent_versions')
        .values({ agent_id: id, version: 1, tenant_id: 'default', config, created_at: now, created_by: null })
        .execute();
      await ensureBuiltinAgents(tx, 'default');
    });
    const agent = await find();
    assert.deepEqual([agent?.id, agent?.built_in, agent?.limits.max_steps], [id, false, 50]);
  });
});
