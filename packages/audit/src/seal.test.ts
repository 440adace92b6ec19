// runs on: both databases
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inTenant, openDatabase, type Database } from '@reeve/db';
import { silentLog, sleep } from '@reeve/kit';
import { createTestDatabase, openTestDatabase, testDatabaseKind } from '@reeve/testing';
import { sql } from 'kysely';
import { recordAudit, type AuditEntry } from './record.ts';
import { sealAll } from './seal-all.ts';
import { sealChain } from './seal.ts';
import { startSealer } from './sealer.ts';
import { verifyChain } from './verify.ts';

const entry: AuditEntry = { tenantId: 'default', actor: 'ada', action: 'TOOL_CALL', traceId: 't' };
const onPostgres = testDatabaseKind === 'postgres';

describe('sealing', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  const write = (tenantId: string, count: number) =>
    inTenant(database.db, tenantId, (tx) => recordAudit(tx, Array(count).fill({ ...entry, tenantId })));

  it('makes one chain of what many write at once, whoever seals it', async () => {
    const writers = [1, 2, 3, 4].map(async (writer) => {
      for (let round = 0; round < 25; round += 1) await write(writer % 2 === 0 ? 'other' : 'default', 1 + (round % 5));
    });
    const over = new AbortController();
    const sealers = ['default', 'default', 'default', 'other', 'other'].map(async (tenantId, index) => {
      while (!over.signal.aborted) {
        await sealChain(database, tenantId, { wait: index % 2 === 0 });
        await sleep(1);
      }
    });
    await Promise.all(writers);
    over.abort();
    await Promise.all(sealers);
    for (const tenantId of ['default', 'other']) {
      await sealAll(database, tenantId);
      const { ok, checked, unsealed } = await verifyChain(database, tenantId, {});
      assert.deepEqual([ok, checked, unsealed], [true, 150, 0]);
    }
  });

  it('goes on over several batches, as many as it may', async () => {
    await write('default', 2_500);
    assert.equal(await sealChain(database, 'default', { wait: true, batches: 1 }), 'left');
    assert.ok((await verifyChain(database, 'default', {})).checked <= 1_150);
    await sealAll(database);
    const { ok, checked } = await verifyChain(database, 'default', {});
    assert.deepEqual([ok, checked], [true, 2_650]);
  });

  it('leaves a chain alone that is broken where it would go on', async () => {
    await using broken = await openTestDatabase();
    await inTenant(broken.db, 'default', (tx) => recordAudit(tx, [entry, entry, entry]));
    await sealAll(broken);
    // The head tells of the first row: what follows it has links already.
    await sql`update audit_links set number = 7 where number = 1`.execute(broken.db);
    await assert.rejects(sealChain(broken, 'default', { wait: true }), { code: '23505' });
    assert.equal((await verifyChain(broken, 'default', {})).first_broken?.number, 1);
  });

  if (onPostgres)
    it('waits for a transaction that is open below others, and keeps its place for it', async () => {
      const { promise: opened, resolve: open } = Promise.withResolvers<void>();
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      const slow = inTenant(database.db, 'default', async (tx) => {
        await recordAudit(tx, [{ ...entry, action: 'PLAN_START' }]);
        open();
        await released;
      });
      await opened;
      await inTenant(database.db, 'default', (tx) => recordAudit(tx, [{ ...entry, action: 'PLAN_END' }]));
      assert.equal(await sealChain(database, 'default', { wait: true }), 'left');
      assert.equal((await verifyChain(database, 'default', {})).unsealed, 1, 'the open one is not seen yet');
      release();
      await slow;
      // Any other transaction of the server may be older.
      await sealAll(database);
      const { rows } = await sql<{ action: string }>`
        select a.action from audit_links l join audit a using (tenant_id, xid, position)
        where l.tenant_id = 'default' order by l.number desc limit 2`.execute(database.db);
      assert.deepEqual(
        rows.map(({ action }) => action),
        ['PLAN_END', 'PLAN_START'],
      );
    });

  it(
    'is done in the background: what the journal tells of soon, the rest at the next look',
    { timeout: 60_000 },
    async () => {
      const sealer = startSealer(database, silentLog, { pauseMs: 5, lookMs: 200 });
      const sealed = async (tenantId: string) => {
        while ((await verifyChain(database, tenantId, {})).unsealed > 0) await sleep(10);
      };
      try {
        await sealed('default');
        await write('default', 3);
        database.notify('reeve_journal', 'default');
        await sealed('default');
        await write('other', 3);
        await sealed('other');
      } finally {
        await sealer[Symbol.asyncDispose]();
      }
      await write('default', 1);
      database.notify('reeve_journal', 'default');
      await sleep(100);
      assert.equal(
        (await verifyChain(database, 'default', {})).unsealed,
        1,
        'nothing is sealed once it is disposed of',
      );
    },
  );
});

describe('a process that is killed while it seals', () => {
  const script = fileURLToPath(new URL('../test/sealing-process.ts', import.meta.url));

  it('leaves a whole chain, which the next goes on with', { timeout: 240_000 }, async (t) => {
    await using place = await createTestDatabase();
    const open = () => openDatabase({ ...place, pool: 7, log: silentLog });
    await using first = await open();
    await first.db.insertInto('tenants').values({ tenant_id: 'default', name: 'default' }).execute();
    await first[Symbol.asyncDispose]();
    let before = 0;
    for (let round = 0; round < 3; round += 1) {
      const args = [script, place.dataDirectory, ...(place.url === undefined ? [] : [place.url])];
      // On PostgreSQL two at once.
      const children = (onPostgres ? [1, 2] : [1]).map(() =>
        spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }),
      );
      await Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
      for (const child of children) {
        await sleep(Math.random() * 300);
        const exited = once(child, 'exit');
        child.stdout.resume();
        child.kill('SIGKILL');
        await exited;
      }
      await using database = await open();
      const found = await verifyChain(database, 'default', {});
      assert.equal(found.ok, true, JSON.stringify(found));
      await sealAll(database);
      const { ok, checked, unsealed } = await verifyChain(database, 'default', {});
      const { rows } = await sql<{ count: number }>`select count(*) as count from audit`.execute(database.db);
      assert.deepEqual([ok, checked, unsealed], [true, rows[0]!.count, 0]);
      assert.ok(checked > before, 'each adds to it');
      before = checked;
    }
    t.diagnostic(`${before} rows`);
  });
});
