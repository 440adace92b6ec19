// runs on: both databases
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@reeve/db';
import { createLog, silentLog } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { openAccess } from '../../test/access.ts';
import { startUseLog } from './use-log.ts';

describe('the log of uses', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  beforeEach(() => database.db.deleteFrom('audit').execute());
  after(() => database[Symbol.asyncDispose]());

  const logins = async () => {
    const rows = await database.db
      .selectFrom('audit')
      .select(['tenant_id', 'actor'])
      .where('action', '=', 'LOGIN')
      .execute();
    return rows.map(({ tenant_id, actor }) => `${tenant_id} ${actor}`).sort();
  };
  const login = (userId: string, tenantId = 'default') => ({ tenantId, userId, traceId: 'trace-1' });

  /** The database as it is when it can be away. */
  function unsteady() {
    const state = { away: true, database };
    state.database = {
      ...database,
      db: new Proxy(database.db, {
        get(target, name) {
          if (name === 'transaction' && state.away) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
    };
    return state;
  }

  it('waits for a database that is away, and loses nothing', async () => {
    const state = unsteady();
    const uses = startUseLog(state.database, silentLog);
    for (const [user, tenant] of [['ada'], ['bob', 'other'], ['cy']] as const) uses.add(login(user, tenant));
    await sleep(200);
    assert.deepEqual(await logins(), []);
    state.away = false;
    uses.add(login('dee'));
    while ((await logins()).length < 4) await sleep(50);
    await uses[Symbol.asyncDispose]();
    assert.deepEqual(await logins(), ['default ada', 'default cy', 'default dee', 'other bob']);
  });

  it('writes what waits when it is stopped, or says that it could not', async () => {
    const uses = startUseLog(database, silentLog);
    for (let user = 0; user < 250; user += 1) uses.add(login(`user-${user}`, user % 2 === 0 ? 'default' : 'other'));
    await uses[Symbol.asyncDispose]();
    assert.equal((await logins()).length, 250);
    const destination = new PassThrough();
    const log = createLog('test', { level: 'warn', format: 'json', destination });
    const lost = startUseLog(unsteady().database, log);
    for (let user = 0; user < 10_010; user += 1) lost.add(login('eve'));
    await lost[Symbol.asyncDispose]();
    destination.end();
    assert.match(await text(destination), /"uses":10000.*were not written/);
  });

  it('writes one that cannot be written off, and goes on', async () => {
    const uses = startUseLog(database, silentLog);
    uses.add(login('nobody', 'a-tenant-that-is-not'));
    uses.add(login('ada'));
    await uses[Symbol.asyncDispose]();
    assert.deepEqual(await logins(), ['default ada']);
  });

  it('tells of the trace that a key was first used in', async () => {
    const access = openAccess(database);
    const { secret } = (await access.send('POST', '/api/v1/keys', { name: 'x', role: 'viewer' })).body;
    await access.send('GET', '/version', undefined, { authorization: `Bearer ${secret}`, 'x-trace-id': 'my-trace' });
    await access[Symbol.asyncDispose]();
    const used = await database.db.selectFrom('audit').select('trace_id').where('action', '=', 'KEY_USED').execute();
    assert.deepEqual(used, [{ trace_id: 'my-trace' }]);
  });
});
