// runs on: both databases
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises';
import { ApiKey, ApiKeyWithSecret, ROLES, type Role } from '@reeve/contract';
import { now, type Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import { ADMIN_KEY, asTenant, openAccess, type Access } from '../../test/access.ts';
import { createKey } from './change.ts';
import { newPublicId, newSecret } from './secret.ts';

const KEYS = '/api/v1/keys';

type Made = ApiKeyWithSecret & { secret: string };

describe('API keys', () => {
  let database: Database;
  let access: Access;
  const create = async (more: object = {}, headers?: Record<string, string>) =>
    (await access.send('POST', KEYS, { name: 'ci', role: 'member', ...more }, headers)).body as Made;
  const status = async (secret: string) => (await access.who(secret)).status;
  const audit = async () => {
    const rows = await database.db
      .selectFrom('audit')
      .select(['action', 'actor', 'details'])
      .where('action', '<>', 'LOGIN')
      .orderBy('id')
      .execute();
    return rows.map(({ action, actor, details }) => [action, actor, details]);
  };

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => {
    for (const table of ['api_key_secrets', 'api_keys', 'audit', 'idempotency_keys'] as const)
      await database.db.deleteFrom(table).execute();
    access = openAccess(database);
  });
  afterEach(() => access[Symbol.asyncDispose]());
  after(() => database[Symbol.asyncDispose]());

  it('show their secret once, and prove who calls from then on: the key’s id, role and tenant', async () => {
    const made = await access.send('POST', KEYS, { name: 'ci', role: 'operator' });
    assert.equal(made.status, 201);
    const { secret, ...key } = made.body as Made;
    assert.deepEqual(ApiKeyWithSecret.parse(made.body), made.body);
    assert.ok(secret.startsWith(`${key.prefix}_`) && secret.endsWith(key.last_four));
    assert.deepEqual([key.status, key.created_by, key.last_used_at, key.expires_at], ['active', 'key-1', null, null]);
    const principal = {
      tenantId: 'default',
      userId: `key-${key.id}`,
      role: 'operator',
      via: 'api_key',
      keyId: key.id,
    };
    assert.deepEqual((await access.who(secret)).body, principal);
    assert.deepEqual((await access.send('GET', '/version', undefined, { 'x-api-key': secret })).body, principal);
    const listed = await access.send('GET', KEYS);
    assert.doesNotMatch(JSON.stringify(listed.body), new RegExp(secret.slice(20)));
    assert.deepEqual([ApiKey.parse(listed.body.keys[0]), listed.body.total], [listed.body.keys[0], 1]);
    const stored = await sql`select k::text || s::text as text from api_keys k, api_key_secrets s`.execute(database.db);
    assert.doesNotMatch(JSON.stringify(stored.rows), new RegExp(secret.slice(16, 40)));
  });

  it('are of their tenant alone', async () => {
    const theirs = await create({}, asTenant('other'));
    assert.equal((await access.who(theirs.secret)).body.tenantId, 'other');
    assert.equal((await access.send('GET', KEYS)).body.total, 0);
    for (const [method, path, body] of [
      ['DELETE', `${KEYS}/${theirs.id}`, undefined],
      ['POST', `${KEYS}/${theirs.id}/rotate`, { grace_seconds: 0 }],
    ] as const)
      assert.equal((await access.send(method, path, body)).status, 404);
    assert.equal(await status(theirs.secret), 200);
  });

  it('are for admins to make, who give any role, and for nobody else', async () => {
    for (const role of ROLES) {
      const { secret } = await create({ role });
      const bearer = { authorization: `Bearer ${secret}` };
      const expected = role === 'admin' ? 200 : 403;
      assert.equal((await access.send('GET', KEYS, undefined, bearer)).status, expected, role);
      const made = await access.send('POST', KEYS, { name: 'x', role: 'viewer' }, bearer);
      assert.equal(made.status, role === 'admin' ? 201 : 403, role);
    }
  });

  it('have no role above that of who creates them', async () => {
    const principal = { tenantId: 'default', userId: 'ada', role: 'operator', via: 'jwt' } as const;
    const make = (role: Role) => createKey(database, { principal, traceId: 't' }, { name: 'x', role });
    await assert.rejects(make('admin'), { reason: 'forbidden' });
    assert.equal((await make('operator')).role, 'operator');
  });

  it('come in pages, newest first, and by status', async () => {
    const made = [await create({ name: 'a' }), await create({ name: 'b' }), await create({ name: 'c' })];
    await access.send('DELETE', `${KEYS}/${made[1]!.id}`);
    await expire(database, made[0]!.id);
    const page = async (query: string) => {
      const { body } = await access.send('GET', `${KEYS}?${query}`);
      return [body.keys.map((key: ApiKey) => `${key.name} ${key.status}`), body.total];
    };
    assert.deepEqual(await page(''), [['c active', 'b revoked', 'a expired'], 3]);
    assert.deepEqual(await page('limit=1&offset=1'), [['b revoked'], 3]);
    assert.deepEqual(await page('status=expired'), [['a expired'], 1]);
  });

  it('go on under a new secret when they are rotated, with the old one until its grace ends', async () => {
    const first = await create();
    const { body: second, status: rotated } = await access.send('POST', `${KEYS}/${first.id}/rotate`, {
      grace_seconds: 60,
    });
    assert.deepEqual([rotated, second.id, second.prefix], [200, first.id, first.prefix]);
    assert.ok(second.grace_ends_at !== null && second.rotated_at !== null);
    for (const secret of [first.secret, second.secret])
      assert.deepEqual((await access.who(secret)).body.userId, `key-${first.id}`);
    const { body: third } = await access.send('POST', `${KEYS}/${first.id}/rotate`, { grace_seconds: 0 });
    assert.equal(third.grace_ends_at, null);
    for (const secret of [first.secret, second.secret]) {
      const refused = await access.who(secret);
      assert.deepEqual([refused.status, refused.headers.get('www-authenticate')], [401, WRONG]);
      assert.match(refused.body.error, /replaced by another secret of its key/);
    }
    assert.equal(await status(third.secret), 200);
  });

  it('stop with the end of the grace although their secret was just used', async () => {
    const first = await create();
    await access.send('POST', `${KEYS}/${first.id}/rotate`, { grace_seconds: 1 });
    assert.equal(await status(first.secret), 200);
    await sleep(1_100);
    assert.equal(await status(first.secret), 401);
  });

  it('have ten valid secrets at most', async () => {
    const { id } = await create();
    const rotate = (grace_seconds: number) => access.send('POST', `${KEYS}/${id}/rotate`, { grace_seconds });
    for (let count = 2; count <= 10; count += 1) assert.equal((await rotate(60)).status, 200);
    const refused = await rotate(60);
    assert.deepEqual([refused.status, refused.body.code], [409, 'conflict']);
    assert.equal((await rotate(0)).status, 200);
  });

  it('are dead at once when they are revoked, for good', async () => {
    const { id, secret } = await create();
    assert.equal(await status(secret), 200);
    assert.equal((await access.send('DELETE', `${KEYS}/${id}`)).status, 204);
    const refused = await access.who(secret);
    assert.deepEqual([refused.status, refused.body.error], [401, 'the API key was revoked']);
    assert.equal((await access.send('DELETE', `${KEYS}/${id}`)).status, 204, 'again');
    assert.equal((await access.send('POST', `${KEYS}/${id}/rotate`, {})).status, 409);
    assert.equal((await audit()).filter(([action]) => action === 'KEY_REVOKED').length, 1);
  });

  it('end when they expire, by the clock of the database', async () => {
    const soon = new Date(Date.now() + 1_500).toISOString();
    const { id, secret, expires_at } = await create({ expires_at: soon });
    assert.equal(expires_at, soon);
    assert.equal(await status(secret), 200);
    await sleep(1_600);
    const refused = await access.who(secret);
    assert.deepEqual([refused.status, refused.body.error], [401, 'the API key has expired']);
    assert.equal((await access.send('POST', `${KEYS}/${id}/rotate`, {})).status, 409);
  });

  it('refuse bad input by the field’s name', async () => {
    const cases: [unknown, string][] = [
      [{}, 'name'],
      [{ name: '', role: 'viewer' }, 'name'],
      [{ name: 'x'.repeat(101), role: 'viewer' }, 'name'],
      [{ name: 'x', role: 'root' }, 'role'],
      [{ name: 'x', role: 'viewer', expires_at: 'tomorrow' }, 'expires_at'],
      [{ name: 'x', role: 'viewer', expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
      [{ name: 'x', role: 'viewer', secret: 'mine' }, 'secret'],
    ];
    for (const [body, path] of cases) {
      const answer = await access.send('POST', KEYS, body);
      assert.deepEqual(
        [answer.status, answer.body.details?.some((detail: { path: string }) => detail.path === path)],
        [400, true],
        JSON.stringify([body, answer.body]),
      );
    }
    const { id } = await create();
    for (const grace_seconds of [-1, 1.5, 2_592_001, '60', null])
      assert.equal((await access.send('POST', `${KEYS}/${id}/rotate`, { grace_seconds })).status, 400);
    assert.equal((await access.send('DELETE', `${KEYS}/nothing`)).status, 400);
  });

  it('never keep a secret for a repeated Idempotency-Key: the repeat has the same key, without it', async () => {
    const headers = { 'x-api-key': ADMIN_KEY, 'idempotency-key': 'once' };
    const send = (path: string, body: unknown) => access.send('POST', path, body, headers);
    const first = await send(KEYS, { name: 'ci', role: 'member' });
    const second = await send(KEYS, { name: 'ci', role: 'member' });
    assert.equal(await status(first.body.secret), 200);
    assert.deepEqual(
      [second.status, second.headers.get('idempotent-replayed'), second.body],
      [201, 'true', { ...first.body, secret: null }],
    );
    assert.equal((await access.send('GET', KEYS)).body.total, 1);
    headers['idempotency-key'] = 'twice';
    const rotate = () => send(`${KEYS}/${first.body.id}/rotate`, { grace_seconds: 0 });
    const [rotated, again] = [await rotate(), await rotate()];
    assert.deepEqual(again.body, { ...rotated.body, secret: null });
    assert.equal(await status(rotated.body.secret), 200);
    const { rows } = await sql<{ text: string }>`select i::text as text from idempotency_keys i`.execute(database.db);
    const kept = JSON.stringify(rows);
    for (const { secret } of [first.body, rotated.body]) assert.ok(!kept.includes(secret.slice(16)));
  });

  it('are in the audit log: made, rotated, revoked, and the first use of a day', async () => {
    const { id, secret, name } = await create();
    const actor = `key-${id}`;
    for (let call = 0; call < 5; call += 1) await access.who(secret);
    const used = () => database.db.selectFrom('api_keys').select('last_used_at').executeTakeFirstOrThrow();
    await until(async () => (await used()).last_used_at !== null);
    await access.send('POST', `${KEYS}/${id}/rotate`, { grace_seconds: 60 });
    const made = [
      ['KEY_CREATED', 'key-1', { key_id: id, name: 'ci', role: 'member', expires_at: null }],
      ['KEY_USED', actor, { key_id: id, name }],
      ['KEY_ROTATED', 'key-1', { key_id: id, grace_seconds: 60 }],
    ];
    assert.deepEqual(await audit(), made);
    // A use is written again after a minute, and told of again on another day.
    await sql`update api_keys set last_used_at = reeve_now() - interval '2 minutes'`.execute(database.db);
    const before = (await used()).last_used_at!;
    access.authenticator.keyChanged(id);
    await access.who(secret);
    await until(async () => (await used()).last_used_at! > before);
    await sql`update api_keys set last_used_at = reeve_now() - interval '25 hours'`.execute(database.db);
    access.authenticator.keyChanged(id);
    await access.who(secret);
    await until(async () => (await audit()).length > made.length);
    assert.deepEqual((await audit()).at(-1), made[1]);
    await access.send('DELETE', `${KEYS}/${id}`);
    assert.deepEqual((await audit()).at(-1), ['KEY_REVOKED', 'key-1', { key_id: id }]);
  });

  it('write a use at most once a minute, however many processes see it', async () => {
    const { secret, id } = await create();
    await using second = openAccess(database);
    await Promise.all(Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? access : second).who(secret)));
    await access[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    const rows = await audit();
    assert.equal(rows.filter(([action]) => action === 'KEY_USED').length, 1);
    const key = await database.db.selectFrom('api_keys').select('last_used_at').where('id', '=', id).execute();
    assert.ok(key[0]?.last_used_at);
  });

  it('are looked up together and remembered: a flood of unknown ones costs few statements and no more memory', async () => {
    const { secret } = await create();
    const watched = watch(database);
    await using other = openAccess(watched.database);
    const unknown = Array.from({ length: 4_000 }, () => newSecret(newPublicId()));
    const answers = await Promise.all([...unknown, secret].map(async (each) => (await other.who(each)).status));
    assert.deepEqual([answers.pop(), [...new Set(answers)]], [200, [401]]);
    assert.ok(watched.lookups() <= 20, `${watched.lookups()} statements`);
    const before = watched.lookups();
    await Promise.all(unknown.slice(0, 500).map((each) => other.who(each)));
    assert.equal(watched.lookups(), before, 'a key that was refused is remembered');
    for (const text of ['rv_', `${secret}x`, secret.slice(0, -1), `rv_${'a'.repeat(62)}`]) await other.who(text);
    assert.equal(watched.lookups(), before, 'what is no key at all is never looked up');
  });

  it('that are unknown are put off where more than the database shall bear wait at once', async () => {
    const watched = watch(database);
    await using other = openAccess(watched.database);
    const answers = await Promise.all(Array.from({ length: 5_500 }, () => other.who(newSecret(newPublicId()))));
    const put = answers.filter(({ status: answered }) => answered === 503);
    assert.equal(put.length, 500);
    assert.equal(put[0]!.headers.get('retry-after'), '1');
    assert.equal((await other.who(ADMIN_KEY)).status, 200);
  });

  it('go on for their time while the database is away; others wait outside, and nobody gets in', async () => {
    const [known, unknown] = [await create(), await create()];
    const watched = watch(database);
    await using other = openAccess(watched.database);
    assert.equal((await other.who(known.secret)).status, 200);
    watched.away = true;
    assert.equal((await other.who(known.secret)).status, 200);
    const refused = await other.who(unknown.secret);
    assert.deepEqual([refused.status, refused.body.code], [503, 'unavailable']);
    assert.ok(refused.headers.get('retry-after'));
    assert.equal((await other.who(ADMIN_KEY)).status, 200, 'a key of the configuration needs no database');
    await sleep(5_100);
    assert.equal((await other.who(known.secret)).status, 503);
    watched.away = false;
    for (const { secret } of [known, unknown]) assert.equal((await other.who(secret)).status, 200);
  });

  it('are dead within five seconds where the notification of it was lost', async () => {
    const { id, secret } = await create();
    const watched = watch(database);
    await using other = openAccess(watched.database);
    assert.equal((await other.who(secret)).status, 200);
    await access.send('DELETE', `${KEYS}/${id}`);
    const revokedAt = performance.now();
    while ((await other.who(secret)).status === 200) await sleep(50);
    assert.ok(performance.now() - revokedAt < 5_000);
  });

  it('are looked up again beside the requests, so that none waits and none is refused', async () => {
    const { secret } = await create();
    const watched = watch(database);
    await using other = openAccess(watched.database);
    const until = performance.now() + 7_000;
    while (performance.now() < until) {
      assert.equal((await other.who(secret)).status, 200);
      await sleep(20);
    }
    assert.ok(watched.lookups() <= 4, `${watched.lookups()} statements`);
  });

  it('lose no request while they are rotated under load', async () => {
    const { id, secret } = await create();
    let current = secret;
    let [calls, rotations] = [0, 0];
    const stop = performance.now() + 3_000;
    const callers = Array.from({ length: 8 }, async () => {
      while (performance.now() < stop) {
        const used = current;
        const { status: answered, body } = await access.who(used);
        assert.equal(answered, 200, JSON.stringify(body));
        assert.equal(body.userId, `key-${id}`);
        calls += 1;
        await breathe();
      }
    });
    while (performance.now() < stop) {
      current = (await access.send('POST', `${KEYS}/${id}/rotate`, { grace_seconds: 1 })).body.secret ?? current;
      rotations += 1;
      await sleep(150);
    }
    await Promise.all(callers);
    assert.ok(calls > 50 && rotations > 5, `${calls} calls, ${rotations} rotations`);
  });
});

const WRONG = 'Bearer realm="reeve", error="invalid_token"';

async function expire({ db }: Database, id: string): Promise<void> {
  await db.updateTable('api_keys').set({ expires_at: now }).where('id', '=', id).execute();
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await holds()) return;
    await sleep(25);
  }
  assert.fail('it did not come to be');
}

/** The same database for another process: it hears no notifications, counts look-ups, and can be away. */
function watch(database: Database) {
  let count = 0;
  const watched = {
    away: false,
    lookups: () => count,
    database: {
      ...database,
      listen: () => () => undefined,
      db: new Proxy(database.db, {
        get(target, name) {
          if (name === 'executeQuery')
            return (query: { sql: string }, ...rest: []) => {
              if (query.sql.includes('from api_key_secrets')) count += 1;
              if (watched.away) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
              return target.executeQuery(query as Parameters<typeof target.executeQuery>[0], ...rest);
            };
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
    } satisfies Database,
  };
  return watched;
}
