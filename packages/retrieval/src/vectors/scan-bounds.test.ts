// runs on: both databases
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { inTenant, type Database } from '@reeve/db';
import { createLog, sleep } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { emptyIndex } from '../../test/index-tables.ts';
import { sql } from 'kysely';
import { ensureSpace, findSpaces } from '../space.ts';
import type { Scanner, ScannerOptions } from './scan.ts';
import { findLive } from './embedding-space.ts';
import { createTestScanners } from '../../test/scanners.ts';

const DIMENSIONS = 384;
const BYTES = DIMENSIONS * 4;
const KINDS = ['memory', 'message', 'domain', 'body'] as const;

describe('the bounds of the exact scan', () => {
  let database: Database;
  const scanners = createTestScanners();
  let lines: string[] = [];
  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    lines = [];
    await emptyIndex(database);
  });
  afterEach(() => scanners.close());
  after(() => database[Symbol.asyncDispose]());

  const open = (options: ScannerOptions, db = database.db) => {
    const destination = new Writable({ write: (chunk: Buffer, _, done) => (lines.push(chunk.toString()), done()) });
    return scanners.open({ db }, options, createLog('test', { level: 'info', format: 'json', destination }));
  };

  /** Adds vectors to one of a tenant's spaces, as a batch does. */
  const add = (count: number, { tenantId = 'default', kind = 'memory' } = {}) =>
    inTenant(database.db, tenantId, async (tx) => {
      const space = await ensureSpace(tx, { tenantId, ownerId: null, kind });
      if ((await findLive(tx, tenantId)) === undefined)
        await sql`insert into embedding_spaces (tenant_id, model, revision, dimensions, state)
          values (${tenantId}, 'test/one', 1, ${DIMENSIONS}, 'live')`.execute(tx);
      const { id } = (await findLive(tx, tenantId))!;
      await sql`insert into embedding_progress as p (embedding_id, space_id, tenant_id, version, vectors)
        values (${id}, ${space.id}, ${tenantId}, 1, ${count})
        on conflict (embedding_id, space_id) do update set version = p.version + 1, vectors = p.vectors + ${count}`.execute(
        tx,
      );
      await sql`insert into embeddings (space_id, ref, embedding_id, tenant_id, hash, changed, vector)
        select ${space.id}::int, gen_random_uuid()::text, ${id}::int, ${tenantId}, '', p.version, decode(repeat('00', ${BYTES}::int), 'hex')
        from embedding_progress p, generate_series(1, ${count}::int)
        where p.embedding_id = ${id} and p.space_id = ${space.id}`.execute(tx);
    });

  /** The database, and how many vectors are read by it. */
  function counting(): { db: Database['db']; read: () => number } {
    let bytes = 0;
    const db = database.db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        for (const { vector } of result.rows) if (vector instanceof Uint8Array) bytes += vector.byteLength;
        return result;
      },
    });
    return { db, read: () => bytes / BYTES };
  }

  /** How many vectors all spaces of a tenant were ranked by, and how many were read for it in that transaction. */
  async function rank(scanner: Scanner, tenantId = 'default'): Promise<{ size: number | undefined; read: number }> {
    const { db, read } = counting();
    const size = await inTenant(db, tenantId, async (tx) => {
      const spaces = await findSpaces(tx, { tenantId, kinds: KINDS });
      const live = (await findLive(tx, tenantId))!;
      return (await scanner.rank(tx, live, spaces, new Float32Array(DIMENSIONS)))?.size;
    });
    return { size, read: read() };
  }

  /** Asks until there is a ranking. */
  async function loaded(scanner: Scanner, tenantId = 'default'): Promise<number> {
    for (;;) {
      const { size } = await rank(scanner, tenantId);
      if (size !== undefined) return size;
      await sleep(5);
    }
  }

  function heldBytes(): number {
    setFlagsFromString('--expose_gc');
    (runInNewContext('gc') as () => void)();
    return process.memoryUsage().arrayBuffers;
  }

  it('holds no more than its room while two tenants ask in turns for what is being loaded', async () => {
    const COUNT = 2_000;
    for (const tenantId of ['default', 'other']) await add(COUNT, { tenantId });
    const roomBytes = COUNT * BYTES * 1.5;
    const scanner = open({ roomBytes, atOnceBytes: 0 });
    const before = heldBytes();
    const asked = Array.from({ length: 40 }, (_, n) => rank(scanner, n % 2 === 0 ? 'default' : 'other'));
    let most = 0;
    for (const [n, one] of asked.entries()) {
      await one;
      if (n % 10 === 9) most = Math.max(most, heldBytes() - before);
    }
    // A page or two are on their way.
    assert.ok(most < roomBytes + 2 ** 23, `${most} bytes in a room of ${roomBytes}`);
    let sizes: (number | undefined)[] = [];
    while (sizes.every((size) => size === undefined))
      sizes = [(await rank(scanner)).size, (await rank(scanner, 'other')).size];
    assert.deepEqual(new Set(sizes), new Set([COUNT, undefined]));
    assert.equal(lines.filter((line) => line.includes('no room for vectors')).length, 1);
  });

  it(
    'lets a copy that was waited for answer for a while before another takes its room',
    { timeout: 60_000 },
    async () => {
      for (const tenantId of ['default', 'other']) await add(20, { tenantId });
      const bounds = { roomBytes: 30 * BYTES, atOnceBytes: 0 };
      const scanner = open(bounds);
      assert.equal(await loaded(scanner), 20);
      for (let times = 0; times < 5; times += 1) {
        assert.equal((await rank(scanner, 'other')).size, undefined);
        await sleep(5);
        assert.equal((await rank(scanner)).size, 20);
      }
      assert.match(lines.join(''), /^[^\n]*"room_bytes":46080[^\n]*no room for vectors[^\n]*\n$/);
      const hasty = open({ ...bounds, stayMs: 0 });
      for (const tenantId of ['default', 'other', 'default']) assert.equal(await loaded(hasty, tenantId), 20);
    },
  );

  it('ends the load of what has outgrown its room, and gives that to others', { timeout: 60_000 }, async () => {
    await add(20);
    await add(20, { tenantId: 'other' });
    const { db, read } = counting();
    const scanner = open({ roomBytes: 25 * BYTES, atOnceBytes: 0, stayMs: 0 }, db);
    // In the embedded database, what is added is there before the first page is read.
    await Promise.all([rank(scanner), add(10)]);
    assert.equal((await rank(scanner)).size, undefined);
    assert.equal(await loaded(scanner, 'other'), 20);
    if (database.kind === 'pglite') assert.equal(read(), 20);
    assert.match(lines.join(''), /"bytes":46080,"room_bytes":38400/);
  });

  it('reads no more at once of what a copy lacks than it may, whether it was added or changed', async () => {
    await add(30);
    const scanner = open({ atOnceBytes: 10 * BYTES });
    assert.deepEqual(await rank(scanner), { size: undefined, read: 0 });
    assert.equal(await loaded(scanner), 30);
    await add(10);
    assert.deepEqual(await rank(scanner), { size: 40, read: 10 });
    await add(11);
    assert.deepEqual(await rank(scanner), { size: undefined, read: 0 });
    assert.equal(await loaded(scanner), 51);
    await sql`update embedding_progress set version = version + 1`.execute(database.db);
    await sql`update embeddings set changed = changed + 1 where ref in (select ref from embeddings order by changed desc limit 11)`.execute(
      database.db,
    );
    assert.deepEqual(await rank(scanner), { size: undefined, read: 0 });
    assert.equal(await loaded(scanner), 51);
    // Some go while more come than are read at once.
    await sql`delete from embeddings where ref in (select ref from embeddings limit 5)`.execute(database.db);
    await sql`update embedding_progress set version = version + 1, vectors = vectors - 5`.execute(database.db);
    await add(12);
    assert.deepEqual(await rank(scanner), { size: undefined, read: 0 });
    assert.equal(await loaded(scanner), 58);
    assert.deepEqual(await rank(scanner), { size: 58, read: 0 });
  });

  it('reads no more at once over all spaces than for one', async () => {
    for (const kind of KINDS) await add(4, { kind });
    const scanner = open({ atOnceBytes: 10 * BYTES });
    assert.deepEqual(await rank(scanner), { size: undefined, read: 0 });
    for (;;) {
      const { size, read } = await rank(scanner);
      assert.ok(read <= 10, `${read} were read at once`);
      if (size !== undefined) break;
      await sleep(5);
    }
    for (const kind of KINDS) await add(4, { kind });
    assert.deepEqual(await rank(scanner), { size: undefined, read: 0 });
    assert.equal(await loaded(scanner), 32);
    for (const kind of KINDS) await add(2, { kind });
    assert.deepEqual(await rank(scanner), { size: 40, read: 8 });
  });
});
