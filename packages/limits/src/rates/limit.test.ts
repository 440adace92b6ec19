// runs on: both databases
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { ErrorBody, routes, type TenantSettings } from '@reeve/contract';
import { openDatabase, type Database } from '@reeve/db';
import { createApp } from '@reeve/http';
import { newId, ReeveError, silentLog, sleep } from '@reeve/kit';
import { createTestDatabase, cutConnections, testDatabaseKind, type TestDatabase } from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sql } from 'kysely';
import { limitSettings } from '../config.ts';
import { openMemoryStore } from './memory.ts';
import { openPostgresStore } from './postgres.ts';
import type { RateStore } from './count.ts';
import { AHEAD_FROM, createWindows } from './window.ts';
import { createRequestLimiter, type RequestLimiter } from './limit.ts';
import { caller, samePolicies, startRedis, until, withoutRedis, type OwnRedis } from '../../test/limit.ts';
import { deleteEndedWindows } from '../store/rate.ts';

const ROUTE = { method: 'POST', path: '/execute', access: 'member' } as const;
const HUNDRED: TenantSettings = { rate_limits: { requests_per_minute: 100 } };
const withoutPostgres = testDatabaseKind === 'pglite' && 'only one process can have the embedded database';

/** Counts how many of so many requests are let through, thirty at a time. */
const SENDER = `
import { openDatabase } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { caller, samePolicies } from '../../test/limit.ts';
import { createRequestLimiter } from './limit.ts';
const [url, redisUrl, tenantId] = process.argv.slice(1);
// Where Redis counts, the database is not asked.
const database = redisUrl ? undefined : await openDatabase({ url, pool: 7, dataDirectory: '', log: silentLog });
const policies = samePolicies({ fail_open: false, rate_limits: { requests_per_minute: 100 } });
const limiter = createRequestLimiter({ config: { rateLimit: 'off', redisUrl: redisUrl || undefined }, database, policies, log: silentLog });
// Connections are there before it begins, or the other would have taken all.
while ((await limiter.limit(caller('warm-up'), {})).refused) await new Promise((done) => setTimeout(done, 1_100));
let allowed = 0;
process.stdout.write('ready\\n');
for await (const _ of process.stdin) break;
await Promise.all(Array.from({ length: 10 }, async () => {
  for (let count = 0; count < 20; count += 1) {
    // So that one of them does not have it all before the other's turn on a busy machine.
    await new Promise((done) => setTimeout(done, 20));
    const { refused } = await limiter.limit(caller(tenantId), {});
    if (refused === undefined) allowed += 1;
    else if (refused.reason !== 'rate_limited') throw refused;
  }
}));
console.log(allowed);
process.exit();`;

describe('limits on requests', { timeout: 240_000 }, () => {
  let place: TestDatabase;
  let database: Database;
  let redis: OwnRedis | undefined;
  let stack: AsyncDisposableStack;
  let tenants = 0;
  const newTenant = () => `t${(tenants += 1)}`;

  before(async () => {
    stack = new AsyncDisposableStack();
    place = stack.use(await createTestDatabase());
    database = stack.use(await openDatabase({ ...place, pool: 13, log: silentLog }));
    redis = withoutRedis === false ? stack.use(await startRedis()) : undefined;
  });
  after(() => stack.disposeAsync());

  interface Given {
    readonly settings?: TenantSettings;
    /** Null: nothing is said. */
    readonly rate?: string | null;
    readonly redisUrl?: string | undefined;
    readonly gateways?: () => number | undefined;
    readonly database?: Database;
  }
  function open({
    settings = {},
    rate = 'off',
    redisUrl,
    gateways,
    database: other = database,
  }: Given): RequestLimiter {
    const rateLimit = limitSettings.rateLimit.schema.parse(rate ?? undefined);
    const parts = {
      config: { rateLimit, redisUrl },
      database: other,
      policies: samePolicies(settings),
      log: silentLog,
    };
    return createRequestLimiter({ ...parts, ...(gateways && { gateways }) });
  }
  async function allowedOf(limiter: RequestLimiter, tenantId: string, count: number): Promise<number> {
    let allowed = 0;
    for (let sent = 0; sent < count; sent += 1)
      if ((await limiter.limit(caller(tenantId), ROUTE)).refused === undefined) allowed += 1;
    return allowed;
  }
  const reached = (limiter: RequestLimiter) =>
    until('the store is reached', async () => {
      await limiter.limit(caller('warm-up'), ROUTE);
      return limiter.health().status === 'ok';
    });

  it('say with each answer what is left, and refuse what is too much until the window ends', async () => {
    await using limiter = open({ rate: '3/s', settings: HUNDRED });
    const tenantId = newTenant();
    const told: unknown[] = [];
    for (let count = 0; count < 4; count += 1) {
      const { headers, refused } = await limiter.limit(caller(tenantId), ROUTE);
      told.push([
        headers['ratelimit-limit'],
        headers['ratelimit-remaining'],
        headers['ratelimit-reset'],
        refused?.reason,
      ]);
      if (refused !== undefined) {
        assert.ok(refused.retryAfterMs! > 0 && refused.retryAfterMs! <= 1_000);
        assert.match(refused.message, /you may send 3 requests in 1 s; try again in 1 s/);
        assert.equal(
          headers['ratelimit-policy'],
          '3;w=1',
          'what the caller’s limit refuses is not counted for its tenant',
        );
      } else assert.equal(headers['ratelimit-policy'], '3;w=1, 100;w=60');
    }
    assert.deepEqual(told, [
      ['3', '2', '1', undefined],
      ['3', '1', '1', undefined],
      ['3', '0', '1', undefined],
      ['3', '0', '1', 'rate_limited'],
    ]);
    await sleep(1_050);
    assert.equal((await limiter.limit(caller(tenantId), ROUTE)).refused, undefined);
  });

  it('are on every answer of the application, and end in 429 or 503 in its own shape', async () => {
    await using limiter = open({ rate: '2/min' });
    const app = createApp({
      service: 'test',
      authenticate: async () => caller('over-http'),
      limit: limiter.limit,
      db: database.db,
      log: silentLog,
      stopping: new AbortController().signal,
    });
    app.mount(routes.getLive, async () => ({ status: 'ok' }));
    app.mount(routes.getRun, async () => {
      throw new ReeveError('not_found', 'there is no run');
    });
    const send = (path: string) => app.fetch(new Request(`http://x${path}`));
    const told: unknown[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { status, headers } = await send(`/api/v1/runs/${newId()}`);
      told.push([status, headers.get('ratelimit-remaining'), headers.get('ratelimit-policy')]);
    }
    assert.deepEqual(told, [
      [404, '1', '2;w=60'],
      [404, '0', '2;w=60'],
      [429, '0', '2;w=60'],
    ]);
    const refused = await send(`/api/v1/runs/${newId()}`);
    assert.ok(Number(refused.headers.get('retry-after')) > 0 && Number(refused.headers.get('retry-after')) <= 60);
    assert.equal(ErrorBody.parse(await refused.json()).code, 'rate_limited');
    assert.equal((await send('/livez')).headers.get('ratelimit-limit'), null, 'public routes are not limited');
  });

  it('are a caller’s own, by the key and not its secret, and a tenant’s for all of its callers', async () => {
    await using limiter = open({ rate: '2/min', settings: { rate_limits: { requests_per_minute: 3 } } });
    const tenantId = newTenant();
    const send = async (keyId: string) => (await limiter.limit(caller(tenantId, keyId), ROUTE)).refused?.message;
    assert.deepEqual([await send('a'), await send('a')], [undefined, undefined]);
    assert.match((await send('a'))!, /^you may send 2 requests in 60 s/);
    assert.equal(await send('b'), undefined);
    assert.match((await send('b'))!, /^your tenant may send 3 requests in 60 s/);
    assert.equal((await limiter.limit(caller(newTenant(), 'a'), ROUTE)).refused, undefined);
  });

  it('are 600 a minute for a caller where nothing is said, none in development, and off where they are off', async () => {
    await using usual = open({ rate: null });
    const who = caller(newTenant());
    assert.equal((await usual.limit(who, ROUTE)).headers['ratelimit-policy'], '600;w=60');
    assert.deepEqual(await usual.limit({ ...who, via: 'development' }, ROUTE), { headers: {} });
    await using off = open({ rate: 'off' });
    assert.deepEqual(await off.limit(who, ROUTE), { headers: {} });
    await using set = open({ rate: '5/h' });
    assert.equal((await set.limit({ ...who, via: 'development' }, ROUTE)).headers['ratelimit-policy'], '5;w=3600');
    for (const wrong of ['0/min', '600', '600/day', '-1/s', '6e2/min', ' 600/min'])
      assert.ok(!limitSettings.rateLimit.schema.safeParse(wrong).success, wrong);
  });

  it('bear a caller whose name is long and odd', async () => {
    await using limiter = open({ rate: '1/min' });
    const who = {
      tenantId: newTenant(),
      userId: `\u{1f600}: '"\\${'x'.repeat(5_000)}`,
      role: 'member',
      via: 'header',
    } as const;
    assert.equal((await limiter.limit(who, ROUTE)).refused, undefined);
    assert.equal((await limiter.limit(who, ROUTE)).refused?.reason, 'rate_limited');
    assert.equal((await limiter.limit({ ...who, userId: `${who.userId}y` }, ROUTE)).refused, undefined);
  });

  it('that are changed hold for the window that is under way', async () => {
    const settings = { rate_limits: { requests_per_minute: 2 } };
    await using limiter = open({ settings });
    const tenantId = newTenant();
    assert.equal(await allowedOf(limiter, tenantId, 2), 2);
    settings.rate_limits.requests_per_minute = 4;
    assert.equal(await allowedOf(limiter, tenantId, 5), 2);
    settings.rate_limits.requests_per_minute = 1;
    assert.equal(await allowedOf(limiter, tenantId, 5), 0);
  });

  const stores: [string, string | false, () => RateStore | Promise<RateStore>][] = [
    ['this process', false, () => openMemoryStore()],
    ['the database', false, () => openPostgresStore(database, silentLog)],
    [
      'Redis',
      withoutRedis,
      async () => {
        const { openRedisStore } = await import('./redis.ts');
        const store = openRedisStore(redis!.url, silentLog);
        await until('Redis answers', () =>
          store.add([{ tenantId: 'x', key: 'x', count: 1, windowS: 1 }]).then(
            () => true,
            () => false,
          ),
        );
        return store;
      },
    ],
  ];
  for (const [name, skip, openStore] of stores) {
    it(`let exactly the limit through of each window, whoever asks when, counted in ${name}`, { skip }, async () => {
      await using first = await openStore();
      await using second = name === 'this process' ? openMemoryStore() : await openStore();
      const takers = [createWindows(first), createWindows(name === 'this process' ? first : second)];
      const sends = fc.record({
        process: fc.nat(1),
        key: fc.constantFrom('a', 'b'),
        together: fc.integer({ min: 1, max: 9 }),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(sends, { maxLength: 30 }), fc.integer({ min: 1, max: 40 }), async (asks, limit) => {
          const tenantId = newTenant();
          const sent = { a: 0, b: 0 };
          const allowed = { a: 0, b: 0 };
          for (const { process, key, together } of asks) {
            const ask = { tenantId, key, limit, windowS: 60 };
            const taken = await Promise.all(Array.from({ length: together }, () => takers[process]!(ask)));
            sent[key as 'a'] += together;
            allowed[key as 'a'] += taken.filter((one) => one.allowed).length;
            assert.equal(taken.at(-1)!.remaining, Math.max(0, limit - sent[key as 'a']));
          }
          for (const key of ['a', 'b'] as const) assert.equal(allowed[key], Math.min(limit, sent[key]));
        }),
        cases(40),
      );
    });

    it(`begin anew when a window has ended, counted in ${name}`, { skip }, async () => {
      await using store = await openStore();
      const take = createWindows(store);
      const ask = { tenantId: newTenant(), key: 'a', limit: 2, windowS: 1 };
      const three = async () => (await Promise.all([take(ask), take(ask), take(ask)])).map(({ allowed }) => allowed);
      assert.deepEqual(await three(), [true, true, false]);
      const { endsInMs, allowed } = await take(ask);
      assert.ok(!allowed && endsInMs > 0 && endsInMs <= 1_000);
      await sleep(endsInMs + 30);
      assert.deepEqual(await three(), [true, true, false]);
    });
  }

  it('take a little ahead where they are large, let no more through in all, and lose no more than that', async () => {
    await using store = openMemoryStore();
    let asked = 0;
    const counted: RateStore = { ...store, add: (entries) => ((asked += 1), store.add(entries)) };
    const takers = [createWindows(counted), createWindows(counted), createWindows(counted)];
    for (const [limit, lost] of [
      [AHEAD_FROM - 1, 0],
      [AHEAD_FROM * 2, (AHEAD_FROM * 2) / 1_000],
    ] as const) {
      const tenantId = newTenant();
      asked = 0;
      let allowed = 0;
      let refusals = 0;
      // The first of them asks now and then, and then no more; the others use up what there is.
      for (let index = 0; refusals < 200; index += 1) {
        const taker = takers[index < 100 && index % 10 === 0 ? 0 : 1 + (index % 2)]!;
        const taken = await taker({ tenantId, key: 'a', limit, windowS: 60 });
        if (taken.allowed) allowed += 1;
        else refusals += 1;
      }
      assert.ok(allowed <= limit && allowed >= limit - 2 * lost, `${allowed} of ${limit}`);
      assert.ok(lost === 0 || asked < limit / 5, `${asked} questions`);
    }
  });

  it('forget windows that ended long ago', async () => {
    await using store = openPostgresStore(database, silentLog);
    const tenantId = newTenant();
    await store.add(['old', 'new'].map((key) => ({ tenantId, key, count: 1, windowS: 60 })));
    await sql`update rate_windows set ends_at = ends_at - interval '2 hours' where tenant_id = ${tenantId} and key = 'old'`.execute(
      database.db,
    );
    await deleteEndedWindows(database.db);
    const left = await database.db.selectFrom('rate_windows').select('key').where('tenant_id', '=', tenantId).execute();
    assert.deepEqual(left, [{ key: 'new' }]);
  });

  for (const [where, skip, redisUrl] of [
    ['PostgreSQL', withoutPostgres, () => ''],
    ['Redis', withoutRedis, () => redis!.url],
  ] as const) {
    it(`let exactly 100 through from two processes at once, counted in ${where}`, { skip }, async () => {
      const tenantId = newTenant();
      const senders = await Promise.all([1, 2].map(() => startSender(place.url ?? '', redisUrl(), tenantId)));
      const counts = await Promise.all(senders.map((go) => go()));
      assert.equal(counts[0]! + counts[1]!, 100, counts.join(' + '));
      // Neither has all of it, or the test would show nothing.
      assert.ok(Math.min(...counts) > 0, counts.join(' + '));
    });

    it(`let 100 in a row through from two gateways and refuse the next, counted in ${where}`, { skip }, async () => {
      const given = { settings: HUNDRED, redisUrl: redisUrl() || undefined };
      await using first = open(given);
      await using second = open(given);
      await Promise.all([reached(first), reached(second)]);
      const tenantId = newTenant();
      // Most by one of them, so that whatever the other held back would be missed.
      const send = async (index: number) =>
        (await (index % 9 === 4 ? second : first).limit(caller(tenantId), ROUTE)).refused;
      for (let index = 0; index < 100; index += 1) assert.equal(await send(index), undefined, String(index));
      assert.equal((await send(100))?.reason, 'rate_limited');
      assert.equal((await second.limit(caller(tenantId), ROUTE)).refused?.reason, 'rate_limited');
    });
  }

  it(
    'go on at a fair share, or refuse, while Redis is away under load, and are exact again after',
    { skip: withoutRedis },
    async () => {
      const shared = { redisUrl: redis!.url };
      await using lenient = open({ ...shared, settings: { ...HUNDRED, fail_open: true } });
      await using strict = open({ ...shared, settings: { ...HUNDRED, fail_open: false } });
      await using three = open({ ...shared, settings: { ...HUNDRED, fail_open: true }, gateways: () => 3 });
      await Promise.all([lenient, strict, three].map(reached));
      let running = true;
      const reasons = new Set<string | undefined>();
      const slowest: number[] = [];
      const load = [lenient, strict].map(async (limiter) => {
        while (running) {
          const startedAt = performance.now();
          const { refused } = await limiter.limit(caller('load'), ROUTE);
          slowest.push(performance.now() - startedAt);
          if (limiter === lenient) assert.notEqual(refused?.reason, 'unavailable');
          reasons.add(refused?.reason);
          await sleep(5);
        }
      });
      await sleep(100);
      await redis!.kill();
      await until('away', () => lenient.health().status === 'degraded' && strict.health().status === 'degraded');
      const tenantId = newTenant();
      assert.equal(await allowedOf(lenient, tenantId, 120), 50);
      await allowedOf(three, tenantId, 1);
      assert.equal(await allowedOf(three, newTenant(), 120), 33);
      const { refused, headers } = await strict.limit(caller(tenantId), ROUTE);
      assert.deepEqual(
        [refused?.reason, refused?.status, refused?.retryAfterMs, headers],
        ['unavailable', 503, 1_000, {}],
      );
      assert.ok(reasons.has('unavailable'));
      await redis!.start();
      await Promise.all(
        [lenient, strict, three].map((limiter) =>
          until(
            'back',
            () => limiter.health().status === 'ok' || limiter.limit(caller('warm-up'), ROUTE).then(() => false),
          ),
        ),
      );
      running = false;
      await Promise.all(load);
      assert.ok(Math.max(...slowest) < 2_000, `${Math.max(...slowest)} ms`);
      const next = newTenant();
      assert.equal((await allowedOf(lenient, next, 70)) + (await allowedOf(strict, next, 70)), 100);
    },
  );

  it('wait for a Redis that answers nothing no longer than they may', { skip: withoutRedis }, async () => {
    await using strict = open({ redisUrl: redis!.url, settings: { ...HUNDRED, fail_open: false } });
    await reached(strict);
    redis!.freeze(true);
    try {
      const startedAt = performance.now();
      const refusals = await Promise.all(
        Array.from({ length: 20 }, async () => (await strict.limit(caller(newTenant()), ROUTE)).refused?.reason),
      );
      assert.deepEqual(new Set(refusals), new Set(['unavailable']));
      assert.ok(performance.now() - startedAt < 4_000);
    } finally {
      redis!.freeze(false);
    }
    await reached(strict);
  });

  it('begin and end without a Redis that was never there', async () => {
    const limiter = open({ redisUrl: 'redis://127.0.0.1:1', settings: { ...HUNDRED, fail_open: true } });
    assert.equal(await allowedOf(limiter, newTenant(), 60), 50);
    assert.deepEqual(limiter.health(), {
      status: 'degraded',
      message: 'counted in Redis, which cannot be reached',
    });
    const startedAt = performance.now();
    await limiter[Symbol.asyncDispose]();
    assert.ok(performance.now() - startedAt < 3_000);
  });

  it('do the same while the database is away', { skip: withoutPostgres }, async () => {
    await using own = await createTestDatabase();
    const url = new URL(own.url!);
    const name = url.pathname.slice(1);
    await using gone = await openDatabase({ url: own.url, dataDirectory: '', pool: 7, log: silentLog });
    await using lenient = open({ settings: { ...HUNDRED, fail_open: true }, database: gone });
    await using strict = open({ settings: { ...HUNDRED, fail_open: false }, database: gone });
    assert.equal(await allowedOf(lenient, 't', 40), 40);
    await sql`alter database ${sql.id(name)} allow_connections false`.execute(database.db);
    await cutConnections(database.db, sql`datname = ${name}`);
    await lenient.limit(caller('warm-up'), ROUTE);
    assert.equal((await strict.limit(caller('t'), ROUTE)).refused?.reason, 'unavailable');
    assert.equal(await allowedOf(lenient, 't', 120), 50);
    await sql`alter database ${sql.id(name)} allow_connections true`.execute(database.db);
    await Promise.all([reached(lenient), reached(strict)]);
    assert.equal((await allowedOf(lenient, 't', 100)) + (await allowedOf(strict, 't', 100)), 60);
  });
});

/** Starts a process that sends when it is told to, and answers how many of its requests were let through. */
async function startSender(url: string, redisUrl: string, tenantId: string): Promise<() => Promise<number>> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', SENDER, url, redisUrl, tenantId], {
    cwd: import.meta.dirname,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'readable');
  return async () => {
    child.stdin.end('go\n');
    const said = await text(child.stdout);
    return Number(said.replace('ready\n', ''));
  };
}
