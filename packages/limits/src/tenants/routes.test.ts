// runs on: both databases
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { Tenant } from '@reeve/contract';
import { inTenant, openDatabase, type Database } from '@reeve/db';
import { createApp } from '@reeve/http';
import { silentLog, sleep } from '@reeve/kit';
import { createTestDatabase, testDatabaseKind, type TestDatabase } from '@reeve/testing';
import { ensureTenant } from '@reeve/identity';
import { openPolicies, type Policies } from '../policy/open.ts';
import { mountTenants } from './routes.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- whatever JSON an answer has
type Answer = { status: number; body: any };

describe('the routes of tenants', { timeout: 120_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'reeve-tenants-'));
  const tenantsFile = join(directory, 'tenants.yaml');
  let place: TestDatabase;
  let database: Database;
  let policies: Policies;

  const open = () => openPolicies({ tenantsFile }, database, silentLog);
  async function send(method: string, path: string, body?: unknown, as = 'default', role = 'admin'): Promise<Answer> {
    const app = createApp({
      service: 'test',
      authenticate: async () => ({ tenantId: as, userId: 'ada', role: role as 'admin', via: 'api_key' }),
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
    });
    mountTenants(app, database, policies);
    const request = new Request(`http://x/api/v1/tenants${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const response = await app.fetch(request);
    return { status: response.status, body: response.status === 204 ? null : await response.json() };
  }

  /** The database with something done before each query. */
  const seeing = (see: () => unknown) =>
    database.db.withPlugin({
      transformQuery({ node }) {
        see();
        return node;
      },
      transformResult: async ({ result }) => result,
    });

  before(async () => {
    place = await createTestDatabase();
    database = await openDatabase({ ...place, pool: 13, log: silentLog });
    await ensureTenant(database.db, 'default');
    writeFileSync(
      tenantsFile,
      'default:\n  budgets: {default: 100}\nacme:\n  fail_open: false\n  rate_limits: {requests_per_minute: 60}\n',
    );
    policies = await open();
  });
  beforeEach(async () => {
    await database.db.deleteFrom('tenant_policies').execute();
    await policies[Symbol.asyncDispose]();
    policies = await open();
  });
  after(async () => {
    await policies[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  it('list those that the file names and those that are stored, in pages and by a part of their name', async () => {
    const { body } = await send('GET', '?limit=1');
    assert.deepEqual([body.tenants.map(({ id }: Tenant) => id), body.total], [['acme'], 2]);
    assert.deepEqual(Tenant.parse(body.tenants[0]), body.tenants[0]);
    assert.equal((await send('GET', '?q=EFAU')).body.tenants[0].id, 'default');
    assert.equal((await send('GET', '?q=100%25')).body.total, 0);
  });

  it('say of each value what holds and where it comes from, and take overrides away again', async () => {
    const { body: first } = await send('GET', '/acme');
    const of = ({ policy, origins }: Tenant) => [
      [policy.fail_open, origins['fail_open']],
      [policy.budgets['default'], origins['budgets.default']],
      [policy.rate_limits.requests_per_minute, origins['rate_limits.requests_per_minute']],
      [policy.rate_limits.concurrent_runs, origins['rate_limits.concurrent_runs']],
    ];
    const fromFile = [
      [false, 'file'],
      [100, 'file:default'],
      [60, 'file'],
      [0, 'default'],
    ];
    assert.deepEqual([of(first), first.in_file, first.overrides, first.updated_at], [fromFile, true, {}, null]);

    const overrides = { fail_open: true, budgets: { default: 7, qa: 8 }, rate_limits: { concurrent_runs: 2 } };
    const { body: set } = await send('PATCH', '/acme', { name: 'Acme', overrides });
    assert.deepEqual(of(set), [
      [true, 'override'],
      [7, 'override'],
      [60, 'file'],
      [2, 'override'],
    ]);
    assert.deepEqual([set.name, set.overrides, set.updated_by], ['Acme', overrides, 'default/ada']);
    const policy = await policies.of('acme');
    assert.deepEqual([policy.failOpen, policy.concurrentRuns], [true, 2], 'at once in the process that changed it');

    const { body: less } = await send('PATCH', '/acme', { overrides: { fail_open: null, budgets: { default: null } } });
    assert.deepEqual(of(less), [
      [false, 'file'],
      [100, 'file:default'],
      [60, 'file'],
      [2, 'override'],
    ]);
    assert.deepEqual(less.overrides, { budgets: { qa: 8 }, rate_limits: { concurrent_runs: 2 } });
    const { body: put } = await send('PUT', '/acme', { budgets: { default: 1 }, routing: {} });
    assert.deepEqual(
      [put.overrides, put.origins['rate_limits.concurrent_runs']],
      [{ budgets: { default: 1 } }, 'default'],
    );
    assert.equal((await send('DELETE', '/acme/overrides')).status, 204);
    const { body: last } = await send('GET', '/acme');
    assert.deepEqual([of(last), last.overrides, last.name], [fromFile, {}, 'Acme']);
  });

  it('leave an audit row with the tenant that was changed, in the transaction of the change', async () => {
    await ensureTenant(database.db, 'audited');
    await send('PATCH', '/audited', { overrides: { fail_open: true } });
    const own = await send('PATCH', '/audited', { overrides: { budgets: { qa: 1 } } }, 'audited');
    assert.equal(own.status, 403, 'nobody loosens what holds for their own tenant');
    const rows = await inTenant(database.db, 'audited', (tx) =>
      tx.selectFrom('audit').select(['action', 'actor', 'details']).orderBy('at').execute(),
    );
    assert.deepEqual(rows, [
      { action: 'TENANT_CHANGED', actor: 'ada', details: { overrides: { fail_open: true }, by_tenant: 'default' } },
    ]);
    assert.equal((await send('PATCH', '/nobody', { name: 'x' })).status, 404);
    const none = await database.db.selectFrom('audit').select('id').where('tenant_id', '=', 'nobody').execute();
    assert.deepEqual(none, []);
  });

  it('make a tenant once', async () => {
    const id = `t${Date.now()}`;
    const made = await send('POST', '', { id, overrides: { rate_limits: { requests_per_minute: 5 } } });
    assert.deepEqual([made.status, made.body.name, made.body.in_file], [201, id, false]);
    assert.equal((await policies.of(id)).requestsPerMinute, 5);
    const again = await send('POST', '', { id });
    assert.deepEqual([again.status, again.body.error], [409, `there is a tenant ${id} already`]);
  });

  it('show and change another tenant only to the operators of the installation', async () => {
    const { body } = await send('GET', '', undefined, 'acme');
    assert.deepEqual([body.tenants.map(({ id }: Tenant) => id), body.total], [['acme'], 1]);
    assert.equal((await send('GET', '?q=default', undefined, 'acme')).body.total, 0);
    for (const [method, path, sent] of [
      ['GET', '/default'],
      ['PATCH', '/default', { name: 'x' }],
      ['PUT', '/default', {}],
      ['DELETE', '/default/overrides'],
    ] as const) {
      const { status, body: refused } = await send(method, path, sent, 'acme');
      assert.deepEqual([status, refused.error], [404, 'there is no tenant default'], method);
    }
    assert.equal((await send('POST', '', { id: 'mine' }, 'acme')).status, 403);
    assert.equal((await send('GET', '/acme', undefined, 'acme')).status, 200);
    assert.equal((await send('GET', '/acme', undefined, 'acme', 'operator')).status, 403);
  });

  it('refuse what is wrong by the field’s name and store nothing', async () => {
    for (const [method, path, body, field] of [
      ['PATCH', '/acme', { overrides: { fail_opne: true } }, 'overrides'],
      ['PATCH', '/acme', { overrides: { budgets: { default: -1 } } }, 'overrides.budgets.default'],
      ['PATCH', '/acme', { overrides: { budgets_usd: { default: 5 } } }, 'overrides.budgets_usd.default'],
      ['PUT', '/acme', { fail_open: null }, 'fail_open'],
      ['PUT', '/acme', { routing: { allow: 'x' } }, 'routing.allow'],
      ['PATCH', '/acme', { overrides: { memory: { mask: ['('] } } }, 'overrides.memory.mask.0'],
      ['PUT', '/acme', { memory: { refuse: ['x', '(a)\\1'] } }, 'memory.refuse.1'],
      ['POST', '', { id: 'new', overrides: { memory: { secrets: 'keep' } } }, 'overrides.memory.secrets'],
      ['POST', '', { id: 'a b' }, 'id'],
      ['GET', '/a%20b', undefined, 'id'],
    ] as const) {
      const answer = await send(method, path, body);
      assert.equal(answer.status, 400, JSON.stringify([path, body, answer.body]));
      assert.ok(answer.body.details[0].path.startsWith(field), JSON.stringify(answer.body.details));
    }
    assert.deepEqual(await database.db.selectFrom('tenant_policies').selectAll().execute(), []);
  });

  it('change nothing that another change does at the same moment', async () => {
    await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        send('PATCH', '/acme', { overrides: { budgets: { [`p${index}`]: index } } }),
      ),
    );
    const { body } = await send('GET', '/acme');
    assert.equal(Object.keys(body.overrides.budgets).length, 12);
  });

  it(
    'are heeded by every process, told or not',
    { skip: testDatabaseKind === 'pglite' && 'there is one process' },
    async () => {
      const deaf: Database = {
        ...(await openDatabase({ ...place, pool: 4, log: silentLog })),
        listen: () => () => undefined,
      };
      const hearing = await openDatabase({ ...place, pool: 4, log: silentLog });
      await using others = new AsyncDisposableStack();
      others.defer(() => Promise.all([deaf, hearing].map((one) => one[Symbol.asyncDispose]())).then(() => undefined));
      const untold = others.use(await openPolicies({ tenantsFile }, deaf, silentLog));
      const told = others.use(await openPolicies({ tenantsFile }, hearing, silentLog));
      await told.of('acme');
      await sleep(300);
      const startedAt = performance.now();
      await send('PATCH', '/acme', { overrides: { rate_limits: { requests_per_minute: 9 } } });
      for (const [process, withinMs] of [
        [told, 1_000],
        [untold, 5_000],
      ] as const) {
        while ((await process.of('acme')).requestsPerMinute !== 9) {
          assert.ok(performance.now() - startedAt < withinMs);
          await sleep(20);
        }
      }
    },
  );

  it('ask the database for nothing while nothing changes', async () => {
    let reads = 0;
    const counted = { ...database, db: seeing(() => (reads += 1)) };
    await using busy = await openPolicies({ tenantsFile }, counted, silentLog);
    await sleep(200);
    const before = reads;
    for (let count = 0; count < 10_000; count += 1) await busy.of(`t${count % 50}`);
    assert.ok(reads - before <= 1, `${reads - before} reads`);
  });

  it('go on with what is known while the database is away, and say so', async () => {
    let isAway = false;
    const db = seeing(() => {
      if (isAway) throw new Error('Connection terminated unexpectedly');
    });
    const shaky = { ...database, db };
    await using other = await openPolicies({ tenantsFile }, shaky, silentLog);
    assert.equal(other.health().status, 'ok');
    isAway = true;
    await other.changed();
    assert.deepEqual([other.health().status, (await other.of('acme')).requestsPerMinute], ['degraded', 60]);
    isAway = false;
    await other.changed();
    assert.equal(other.health().status, 'ok');
  });

  it('follow the file, and make tenants of those that it names', async () => {
    writeFileSync(tenantsFile, 'default: {}\nlater:\n  rate_limits: {requests_per_minute: 3}\n');
    for (const end = performance.now() + 10_000; (await policies.of('later')).requestsPerMinute !== 3; await sleep(20))
      assert.ok(performance.now() < end);
    assert.equal((await policies.of('acme')).requestsPerMinute, null);
    let found = 404;
    for (const end = performance.now() + 5_000; found !== 200; await sleep(20)) {
      found = (await send('GET', '/later')).status;
      assert.ok(performance.now() < end);
    }
    writeFileSync(tenantsFile, 'later: []\n');
    for (const end = performance.now() + 10_000; policies.health().status === 'ok'; await sleep(20))
      assert.ok(performance.now() < end);
    const { message } = policies.health();
    assert.equal(message, 'the tenants file: it is broken in line 1; the log says more; what it said before holds');
  });
});
