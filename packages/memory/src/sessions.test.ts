// runs on: both databases
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { openTestDatabase, passTime } from '@reeve/testing';
import type { NewMessage } from './session.ts';
import {
  appendMessages,
  ensureSession,
  exportSession,
  listMessages,
  removeSession,
  renameSession,
  requireSession,
} from './sessions.ts';
import { listSessions } from './store.ts';

const hostile = [
  `'; drop table messages; --`,
  `" or 1=1`,
  '<script>alert(1)</script>',
  '\\',
  '%_',
  '👩‍👩‍👧 𝕏',
  '{"a":1}',
  '$1 ${x}',
  '',
  'x'.repeat(20_000),
];
const who = { tenantId: 'default', userId: 'ada', traceId: 'trace-1' };

describe('sessions', () => {
  let database: Database;
  const asDefault = <T>(work: (tx: Tx) => Promise<T>) => inTenant(database.db, 'default', work);
  const asOther = <T>(work: (tx: Tx) => Promise<T>) => inTenant(database.db, 'other', work);
  const ensure = (sessionId: string, title = 'a session', tenantId = 'default') =>
    inTenant(database.db, tenantId, (tx) => ensureSession(tx, { tenantId, sessionId, title }));
  const append = (sessionId: string, messages: readonly NewMessage[]) =>
    asDefault((tx) => appendMessages(tx, 'default', sessionId, messages));
  const say = (...contents: string[]): NewMessage[] => contents.map((content) => ({ role: 'user', content }));

  before(async () => void (database = await openTestDatabase()));
  beforeEach(async () => void (await database.db.deleteFrom('sessions').execute()));
  after(() => database[Symbol.asyncDispose]());

  it('are made once under the id they are given and keep what they were made with', async () => {
    const id = randomUUID();
    const agentId = randomUUID();
    const made = await asDefault((tx) =>
      ensureSession(tx, { tenantId: 'default', sessionId: id, agentId, title: 'first\nsecond' }),
    );
    assert.deepEqual([made.id, made.title, made.agent_id, made.message_count], [id, 'first', agentId, 0]);
    assert.deepEqual(await ensure(id, 'another title'), made);
  });

  it('made twice at once are one', async () => {
    const id = randomUUID();
    const [one, two] = await Promise.all([ensure(id, 'one'), ensure(id, 'two')]);
    assert.deepEqual(one, two);
  });

  it('number their messages from 1 without gaps, and count them', async () => {
    const { id, updated_at: before } = await ensure(randomUUID());
    assert.deepEqual(await append(id, say('a', 'b')), [1, 2]);
    assert.deepEqual(await append(id, []), []);
    assert.deepEqual(await append(id, say('c')), [3]);
    const session = await asDefault((tx) => requireSession(tx, 'default', id));
    assert.equal(session.message_count, 3);
    assert.ok(session.updated_at >= before);
  });

  it('give two who append at once places of their own', async () => {
    const { id } = await ensure(randomUUID());
    const places = await Promise.all(
      Array.from({ length: 12 }, (_, n) => append(id, say(`${n}.1`, `${n}.2`, `${n}.3`))),
    );
    for (const [first, second, third] of places) assert.deepEqual([second, third], [first! + 1, first! + 2]);
    assert.deepEqual(
      places.flat().sort((a, b) => a - b),
      Array.from({ length: 36 }, (_, n) => n + 1),
    );
    const messages = await asDefault((tx) => listMessages(tx, 'default', id, { limit: 100 }));
    assert.deepEqual(
      messages.map(({ position }) => position),
      Array.from({ length: 36 }, (_, n) => n + 1),
    );
  });

  it('leave nothing behind of an append that was rolled back', async () => {
    const { id } = await ensure(randomUUID());
    await assert.rejects(
      asDefault(async (tx) => {
        await appendMessages(tx, 'default', id, say('lost'));
        throw new Error('the sun went out');
      }),
      /the sun went out/,
    );
    assert.deepEqual(await append(id, say('kept')), [1]);
  });

  it('answer the newest messages in order, up to a position', async () => {
    const { id } = await ensure(randomUUID());
    await append(id, say('1', '2', '3', '4', '5'));
    const list = async (range: { until?: number; limit: number }) =>
      (await asDefault((tx) => listMessages(tx, 'default', id, range))).map(({ content }) => content);
    assert.deepEqual(await list({ limit: 2 }), ['4', '5']);
    assert.deepEqual(await list({ until: 4, limit: 2 }), ['3', '4']);
    assert.deepEqual(await list({ until: 0, limit: 2 }), []);
  });

  it('keep every character of what was said, except NUL', async () => {
    const { id } = await ensure(randomUUID());
    await append(id, say(...hostile, 'a\u0000b'));
    const { messages } = await asDefault((tx) => exportSession(tx, 'default', id));
    assert.deepEqual(
      messages.map(({ content }) => content),
      [...hostile, 'a\uFFFDb'],
    );
    for (const title of hostile)
      assert.equal((await ensure(randomUUID(), title)).title, title.slice(0, 80) || 'New session');
  });

  it('are listed by their latest use and found by their title, wildcards taken literally', async () => {
    const [plain, percent] = [randomUUID(), randomUUID()];
    await ensure(plain, 'Holiday plans');
    await ensure(percent, '100% cotton');
    await passTime(database, 1_000);
    await append(plain, say('hello'));
    const list = async (q?: string) => asDefault((tx) => listSessions(tx, 'default', q, { limit: 10, offset: 0 }));
    assert.deepEqual(
      (await list()).sessions.map(({ id }) => id),
      [plain, percent],
    );
    assert.deepEqual(
      (await list('%')).sessions.map(({ id }) => id),
      [percent],
    );
    assert.deepEqual(
      (await list('HOLI')).sessions.map(({ id }) => id),
      [plain],
    );
    assert.equal((await list()).total, 2);
    assert.equal((await list(`' or true --`)).total, 0);
  });

  it('are renamed without coming first in the list', async () => {
    const { id, updated_at } = await ensure(randomUUID());
    const renamed = await asDefault((tx) => renameSession(tx, 'default', id, `Robert'); --`));
    assert.deepEqual([renamed.title, renamed.updated_at], [`Robert'); --`, updated_at]);
  });

  it('are deleted with their messages, and the audit log says so', async () => {
    const { id } = await ensure(randomUUID());
    await append(id, say('a', 'b'));
    await asDefault((tx) => removeSession(tx, who, id));
    assert.deepEqual(await database.db.selectFrom('messages').selectAll().where('session_id', '=', id).execute(), []);
    const audit = await database.db
      .selectFrom('audit')
      .selectAll()
      .where('action', '=', 'SESSION_DELETED')
      .executeTakeFirstOrThrow();
    assert.deepEqual([audit.actor, audit.trace_id, audit.details], ['ada', 'trace-1', { session: id, messages: 2 }]);
    await assert.rejects(
      asDefault((tx) => removeSession(tx, who, id)),
      { reason: 'not_found' },
    );
    await assert.rejects(append(id, say('late')), { reason: 'not_found' });
  });

  it('are not there for another tenant, not even to be made again or written to', async () => {
    const { id } = await ensure(randomUUID());
    await append(id, say('secret'));
    await assert.rejects(ensure(id, 'mine', 'other'), { reason: 'not_found', message: `there is no session ${id}` });
    for (const tenantId of ['other', 'default']) {
      await assert.rejects(
        asOther((tx) => appendMessages(tx, tenantId, id, say('x'))),
        { reason: 'not_found' },
      );
      await assert.rejects(
        asOther((tx) => renameSession(tx, tenantId, id, 'x')),
        { reason: 'not_found' },
      );
      await assert.rejects(
        asOther((tx) => removeSession(tx, { ...who, tenantId }, id)),
        { reason: 'not_found' },
      );
      assert.deepEqual(await asOther((tx) => listMessages(tx, tenantId, id, { limit: 10 })), []);
      assert.equal((await asOther((tx) => listSessions(tx, tenantId, undefined, { limit: 10, offset: 0 }))).total, 0);
    }
    assert.equal((await asDefault((tx) => requireSession(tx, 'default', id))).message_count, 1);
  });
});
