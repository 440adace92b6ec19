// runs on: both databases
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, it } from 'node:test';
import { inTenant, type Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sql, type RawBuilder } from 'kysely';
import { recordAudit, type AuditEntry } from './record.ts';
import { sealAll } from './seal-all.ts';
import { sealChain } from './seal.ts';
import { verifyChain } from './verify.ts';

const entry: AuditEntry = { tenantId: 'default', actor: 'ada', action: 'TOOL_CALL', traceId: 't' };

describe('the chain of the audit log', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());
  beforeEach(() => empty());

  const empty = () => sql`truncate audit, audit_links`.execute(database.db);
  const seal = (tenantId?: string) => sealAll(database, tenantId);
  const verify = (options = {}) => verifyChain(database, 'default', options);
  const run = (statement: RawBuilder<unknown>) => statement.execute(database.db);

  /** Rows with the steps 1 to `count`, `each` in a transaction. */
  async function write(count: number, each = 1, tenantId = 'default'): Promise<void> {
    for (let step = 1; step <= count; step += each) {
      const steps = Array.from({ length: Math.min(each, count - step + 1) }, (_, index) => step + index);
      const entries = steps.map((n) => ({ ...entry, tenantId, details: { step: n, 'é"': [0.1, 'x'] } }));
      await inTenant(database.db, tenantId, (tx) => recordAudit(tx, entries));
    }
  }

  async function numbers(tenantId = 'default'): Promise<[number, number][]> {
    const { rows } = await sql<{ number: number; step: number }>`
      select l.number, (a.details ->> 'step')::int as step
      from audit_links l join audit a using (tenant_id, xid, position) where l.tenant_id = ${tenantId} order by l.number`.execute(
      database.db,
    );
    return rows.map(({ number, step }) => [number, step]);
  }

  it('numbers rows from 1, in the order in which they were written, each tenant by itself', async () => {
    await write(3);
    await write(4, 2, 'other');
    await seal();
    await write(2);
    await seal();
    await seal('other');
    assert.deepEqual(
      (await numbers()).map(([number]) => number),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(await numbers('other'), [
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
    const { ok, checked, head, unsealed, next } = await verify();
    assert.deepEqual([ok, checked, head?.number, unsealed, next], [true, 5, 5, 0, null]);
  });

  it('is empty and whole where nothing was written', async () => {
    await seal();
    assert.deepEqual(await verify(), { ok: true, checked: 0, head: null, unsealed: 0, next: null });
  });

  it('has no gap where a transaction was rolled back, and does not care when the clock jumps', async () => {
    await write(2);
    const failed = inTenant(database.db, 'default', async (tx) => {
      await recordAudit(tx, [entry, entry]);
      throw new Error('rolled back');
    });
    await assert.rejects(failed, /rolled back/);
    const clock = (text: string) =>
      run(
        sql`create or replace function reeve_now() returns timestamptz language sql volatile parallel safe as ${sql.lit(text)}`,
      );
    await clock(`select clock_timestamp() - interval '2 years'`);
    await write(2);
    await clock('select clock_timestamp()');
    await write(1);
    await seal();
    assert.deepEqual(
      (await numbers()).map(([, step]) => step),
      [1, 2, 1, 2, 1],
    );
    assert.deepEqual([(await verify()).ok, (await verify()).checked], [true, 5]);
  });

  it('is verified a part at a time, with the same end', async () => {
    await write(50, 10);
    await seal();
    const first = await verify({ limit: 20 });
    assert.deepEqual([first.ok, first.checked, first.next], [true, 20, 21]);
    const rest = await verify({ from: 21, limit: 100 });
    assert.deepEqual([rest.ok, rest.checked, rest.next, rest.head], [true, 30, null, first.head]);
    assert.deepEqual(await verify({ from: 51 }), { ok: true, checked: 0, head: first.head, unsealed: 0, next: null });
    const beyond = await verify({ from: 1000 });
    assert.deepEqual([beyond.ok, beyond.checked], [true, 0]);
    await assert.rejects(verify({ signal: AbortSignal.abort(new Error('left')) }), /left/);
  });

  it('counts what is not sealed, and seals it next', async () => {
    await write(3);
    assert.deepEqual(await verify(), { ok: true, checked: 0, head: null, unsealed: 3, next: null });
    await seal();
    assert.equal((await verify()).unsealed, 0);
  });

  it('goes through an anchor, and shows by it that its end was cut off', async () => {
    await write(6);
    await seal();
    const { head } = await verify();
    assert.equal((await verify({ anchor: head })).ok, true);
    assert.deepEqual((await verify({ anchor: { ...head, hash: 'f'.repeat(64) } })).first_broken, {
      number: 6,
      id: null,
      reason: 'anchor_differs',
    });
    await run(
      sql`with cut as (delete from audit_links where number > 4 returning xid, position) delete from audit a using cut c where a.xid = c.xid and a.position = c.position`,
    );
    assert.deepEqual([(await verify()).ok, (await verify()).checked], [true, 4]);
    const cut = await verify({ anchor: head });
    assert.deepEqual([cut.ok, cut.first_broken], [false, { number: 6, id: null, reason: 'anchor_missing' }]);
  });

  it('shows by an anchor that all of it was made anew', async () => {
    await write(5);
    await seal();
    const { head } = await verify();
    await run(sql`update audit set actor = 'eve' where details ->> 'step' = '2'`);
    await run(sql`delete from audit_links`);
    await seal();
    assert.equal((await verify()).ok, true);
    assert.equal((await verify({ anchor: head })).first_broken?.reason, 'anchor_differs');
  });

  /** Statements by one who may do everything, for a chain of `n` rows; what is found, and at which number. */
  const tamperings: Record<
    string,
    { by: (k: number) => RawBuilder<unknown>[]; found: (k: number) => [number, string] }
  > = {};
  const place = (k: number) =>
    sql`(select xid from audit_links where number = ${k}::int), (select position from audit_links where number = ${k}::int)`;
  const row = (k: number) => sql`(a.xid, a.position) = (${place(k)})`;
  for (const [name, change] of Object.entries({
    actor: sql`actor = 'eve'`,
    action: sql`action = 'TOOL_RESULT'`,
    trace: sql`trace_id = 't '`,
    time: sql`at = at + interval '1 microsecond'`,
    task: sql`task_id = gen_random_uuid()`,
    run: sql`run_id = gen_random_uuid()`,
    id: sql`id = gen_random_uuid()`,
    details: sql`details = jsonb_set(details, '{step}', '-1')`,
    'a key of the details': sql`details = details || '{"more": null}'`,
    'a digit far behind': sql`details = jsonb_set(details, array['é"'], '[0.10000000000000000001, "x"]')`,
  }))
    tamperings[`changing ${name}`] = {
      by: (k) => [sql`update audit a set ${change} where ${row(k)}`],
      found: (k) => [k, 'row_changed'],
    };
  tamperings['removing a row'] = {
    by: (k) => [sql`delete from audit a where ${row(k)}`],
    found: (k) => [k, 'row_removed'],
  };
  tamperings['removing a link'] = {
    by: (k) => [sql`delete from audit_links where number = ${k}::int`],
    found: (k) => [k, 'link_removed'],
  };
  tamperings['removing a row with its link'] = {
    by: (k) => [sql`delete from audit a where ${row(k)}`, sql`delete from audit_links where number = ${k}::int`],
    found: (k) => [k, 'link_removed'],
  };
  tamperings['closing the gap behind a removed row'] = {
    by: (k) => [
      sql`delete from audit a where ${row(k)}`,
      sql`delete from audit_links where number = ${k}::int`,
      sql`update audit_links set number = number + 1000000 where number > ${k}::int`,
      sql`update audit_links set number = number - 1000001 where number > 1000000`,
    ],
    found: (k) => [k, 'row_changed'],
  };
  tamperings['changing a hash'] = {
    by: (k) => [sql`update audit_links set hash = sha256('eve') where number = ${k}::int`],
    found: (k) => [k, 'link_changed'],
  };
  tamperings['inserting a row'] = {
    by: (k) => [
      sql`insert into audit (id, tenant_id, at, actor, action, trace_id, xid, position) overriding system value
        select gen_random_uuid(), tenant_id, reeve_now(), 'eve', 'PLAN_END', 't', xid, position - 1 from audit_links where number = ${k}::int`,
    ],
    found: (k) => [k, 'row_inserted'],
  };
  tamperings['exchanging two links'] = {
    by: (k) => [
      sql`create temp table swapped as select case number when ${k}::int then ${k + 1}::int else ${k}::int end as number, xid, position, audit_id, hash
        from audit_links where number in (${k}::int, ${k + 1}::int)`,
      sql`update audit_links set xid = '1', position = number where number in (${k}::int, ${k + 1}::int)`,
      sql`update audit_links l set xid = s.xid, position = s.position, audit_id = s.audit_id, hash = s.hash from swapped s where l.number = s.number`,
      sql`drop table swapped`,
    ],
    found: (k) => [k, 'reordered'],
  };
  tamperings['exchanging what two rows say'] = {
    by: (k) => [
      sql`update audit a set id = b.id, details = b.details, at = b.at, actor = b.actor from audit b
        where ${row(k)} and (b.xid, b.position) = (${place(k + 1)})
          or ${row(k + 1)} and (b.xid, b.position) = (${place(k)})`,
    ],
    found: (k) => [k, 'reordered'],
  };

  for (const [name, { by, found }] of Object.entries(tamperings)) {
    it(`finds and names ${name}`, async () => {
      await write(7, 1);
      await seal();
      assert.equal((await verify()).ok, true);
      for (const statement of by(4)) await run(statement);
      const { ok, checked, first_broken: broken } = await verify();
      assert.deepEqual([ok, checked, [broken?.number, broken?.reason]], [false, found(4)[0] - 1, found(4)]);
      assert.ok(broken?.id || name.includes('with its link'), 'the row is named');
    });
  }

  it('finds every tampering with every chain, at its first row', async () => {
    const names = Object.keys(tamperings);
    const drawnCases = fc.record({
      name: fc.constantFrom(...names),
      count: fc.integer({ min: 2, max: 12 }),
      each: fc.integer({ min: 1, max: 5 }),
      at: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(drawnCases, async ({ name, count, each, at }) => {
        await empty();
        // Where a row is inserted there must be room before it.
        await write(count, name === 'inserting a row' ? 1 : each);
        await seal();
        const { by, found } = tamperings[name]!;
        const k = 1 + (at % (count - 1));
        for (const statement of by(k)) await run(statement);
        const { ok, first_broken: broken } = await verify();
        assert.deepEqual([ok, broken?.number, broken?.reason], [false, ...found(k)], `${name} at ${k}`);
      }),
      cases(60),
    );
  });

  it('finds a row in the place of one that is yet to come', async () => {
    await write(2);
    await seal();
    await run(
      sql`insert into audit (id, tenant_id, at, actor, action, trace_id, xid) values (gen_random_uuid(), 'default', now(), '', '', '', '99999999999')`,
    );
    const { ok, first_broken: broken } = await verify();
    assert.deepEqual([ok, broken?.number, broken?.reason], [false, 3, 'row_inserted']);
  });
});

describe('the audit log', () => {
  it('is not changed or emptied, nor its links, even by the owner of the database', async () => {
    await using database = await openTestDatabase({ guarded: true });
    await inTenant(database.db, 'default', (tx) => recordAudit(tx, [entry]));
    await sealAll(database);
    for (const table of ['audit', 'audit_links'])
      for (const statement of [`update ${table} set tenant_id = 'other'`, `delete from ${table}`, `truncate ${table}`])
        await assert.rejects(sql.raw(statement).execute(database.db), { code: '42501' }, statement);
    assert.equal((await verifyChain(database, 'default', {})).checked, 1);
  });

  it('goes on in another server, once the places of a restored dump were rewritten', async () => {
    await using database = await openTestDatabase({ guarded: true });
    const write = () => inTenant(database.db, 'default', (tx) => recordAudit(tx, [entry, entry, entry]));
    const run = async (text: string) => {
      for (const statement of text.split(';').filter((one) => one.trim() !== ''))
        await sql.raw(statement).execute(database.db);
    };
    await write();
    await sealAll(database);
    await write();
    const { head } = await verifyChain(database, 'default', {});
    // Transaction ids as they may be in a server that did more.
    const later = (table: string) =>
      `alter table ${table} disable trigger user; update ${table} set xid = (xid::text::int8 + 1000000000)::text::xid8; alter table ${table} enable trigger user;`;
    await run(`${later('audit')} ${later('audit_links')}`);
    await write();
    await sealChain(database, 'default', { wait: true });
    assert.equal((await verifyChain(database, 'default', {})).ok, false);
    const page = readFileSync(new URL('../../../docs/audit.md', import.meta.url), 'utf8');
    const statements = /```sql\n([^`]+)```/.exec(page)![1]!;
    await database.db.connection().execute(async (db) => {
      for (const statement of statements.split(';').filter((one) => one.trim() !== ''))
        await sql.raw(statement).execute(db);
    });
    await write();
    await sealAll(database);
    const { ok, checked } = await verifyChain(database, 'default', { anchor: head! });
    assert.deepEqual([ok, checked], [true, 12]);
  });
});
