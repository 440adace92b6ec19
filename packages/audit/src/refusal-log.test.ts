// runs on: both databases
import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, after, describe, it } from 'node:test';
import type { Reason } from '@reeve/contract';
import type { Database } from '@reeve/db';
import type { Principal, Refused } from '@reeve/http';
import { newTraceId, ReeveError, silentLog, sleep } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { createRefusalLog, type RefusalLog } from './refusal-log.ts';

const ada: Principal = { tenantId: 'other', userId: 'ada', role: 'viewer', via: 'api_key', keyId: 'key-1' };
const context = { requestId: 'r', traceId: newTraceId() };

function refused(reason: Reason, more: Partial<Refused> = {}): Refused {
  const error = new ReeveError(reason, 'no');
  return {
    error,
    principal: undefined,
    route: { method: 'GET', path: '/x/{id}' },
    remoteAddress: '::1',
    context,
    ...more,
  };
}

describe('the log of refused calls', () => {
  let database: Database;
  let log: RefusalLog;
  const open = (windowMs: number) =>
    (log = createRefusalLog({ database, log: silentLog, tenantOfNobody: 'default', windowMs }));
  before(async () => void (database = await openTestDatabase()));
  beforeEach(() =>
    database.db
      .deleteFrom('audit')
      .execute()
      .then(() => undefined),
  );
  afterEach(() => log[Symbol.asyncDispose]());
  after(() => database[Symbol.asyncDispose]());

  const rows = () =>
    database.db.selectFrom('audit').selectAll().orderBy('xid').orderBy('position').execute() as Promise<
      { tenant_id: string; actor: string; action: string; details: Record<string, unknown>; trace_id: string }[]
    >;
  async function until(count: number) {
    for (;;) {
      const found = await rows();
      if (found.length >= count) return found;
      await sleep(10);
    }
  }

  it('tells of a forbidden call: who, what, from where', async () => {
    open(60_000);
    for (let call = 0; call < 3; call += 1) log.onRefused(refused('forbidden', { principal: ada }));
    const [row, ...more] = await until(1);
    assert.equal(more.length, 0);
    assert.deepEqual(
      [row!.tenant_id, row!.actor, row!.action, row!.trace_id, row!.details],
      [
        'other',
        'ada',
        'CALL_DENIED',
        context.traceId,
        {
          status: 403,
          code: 'forbidden',
          method: 'GET',
          path: '/x/{id}',
          request_id: 'r',
          role: 'viewer',
          via: 'api_key',
          key_id: 'key-1',
          address: '::1',
        },
      ],
    );
  });

  it('tells of the first of a kind at once, of the others with their number when it stops', async () => {
    open(60_000);
    for (let call = 0; call < 500; call += 1) log.onRefused(refused('unauthenticated'));
    for (let call = 0; call < 20; call += 1) log.onRefused(refused('rate_limited', { principal: ada }));
    assert.deepEqual(
      (await until(2)).map(({ tenant_id, actor, details }) => [tenant_id, actor, details['status'], details['count']]),
      [
        ['default', 'nobody', 401, undefined],
        ['other', 'ada', 429, undefined],
      ],
    );
    await log[Symbol.asyncDispose]();
    const after = (await rows()).slice(2).map(({ actor, details }) => [actor, details['status'], details['count']]);
    assert.deepEqual(after, [
      ['nobody', 401, 499],
      ['ada', 429, 19],
    ]);
  });

  it('tells once a window how many there were, and forgets a kind that stopped', async () => {
    open(60);
    for (let call = 0; call < 10; call += 1) log.onRefused(refused('unauthenticated'));
    const [, second] = await until(2);
    assert.equal(second!.details['count'], 9);
    await sleep(200);
    log.onRefused(refused('unauthenticated'));
    const [, , third] = await until(3);
    assert.equal(third!.details['count'], undefined, 'it is the first of its kind again');
  });

  it('keeps its memory and its rows bounded, whatever addresses come, and loses no call', async () => {
    open(60_000);
    for (let call = 0; call < 20_000; call += 1)
      log.onRefused(refused('unauthenticated', { remoteAddress: `2001:db8::${call.toString(16)}` }));
    for (let call = 0; call < 20_000; call += 1) log.onRefused(refused('forbidden', { principal: ada }));
    await log[Symbol.asyncDispose]();
    const all = await rows();
    assert.ok(all.length < 7_000, `${all.length} rows`);
    const told = (status: number) =>
      all
        .filter(({ details }) => details['status'] === status)
        .reduce((sum, { details }) => sum + Number(details['count'] ?? 1), 0);
    assert.deepEqual([told(401), told(403)], [20_000, 20_000]);
  });

  it('goes on where a tenant is not there', async () => {
    open(60_000);
    log.onRefused(refused('forbidden', { principal: { ...ada, tenantId: 'nowhere' } }));
    log.onRefused(refused('forbidden', { principal: ada }));
    assert.equal((await until(1))[0]!.tenant_id, 'other');
  });
});
