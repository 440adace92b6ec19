// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { recordJournal, type NewJournalEntry } from '@reeve/audit';
import type { JournalType, TaskEvent, TaskStatus } from '@reeve/contract';
import { inTenant, openDatabase, type Database } from '@reeve/db';
import { newId, silentLog, sleep } from '@reeve/kit';
import { ensureTenant } from '@reeve/identity';
import { createTestDatabase, insertBareTask, type TestDatabase } from '@reeve/testing';
import { createJournalFeed, type FollowOptions, type JournalFeed } from './journal-feed.ts';

const random = (most: number) => Math.floor(Math.random() * most);

describe('the feed of the journal', { timeout: 60_000 }, () => {
  let place: TestDatabase;
  let database: Database;
  /** Another process on the same database; on PGlite there is no other, so the same. */
  let elsewhere: Database;
  let feed: JournalFeed;
  let farFeed: JournalFeed;

  before(async () => {
    place = await createTestDatabase();
    const open = () => openDatabase({ ...place, pool: 17, log: silentLog });
    database = await open();
    elsewhere = database.kind === 'postgres' ? await open() : database;
    await ensureTenant(database.db, 'default');
    await ensureTenant(database.db, 'other');
    feed = createJournalFeed(database);
    farFeed = createJournalFeed(elsewhere);
  });
  after(async () => {
    await feed[Symbol.asyncDispose]();
    await farFeed[Symbol.asyncDispose]();
    if (elsewhere !== database) await elsewhere[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
    await place[Symbol.asyncDispose]();
  });

  async function write(entries: Partial<NewJournalEntry>[], tenantId = 'default'): Promise<string[]> {
    const ids = await inTenant(database.db, tenantId, (tx) =>
      recordJournal(
        tx,
        entries.map((one) => entry(one, tenantId)),
      ),
    );
    database.notify('reeve_journal', tenantId);
    return ids;
  }
  const entry = (fields: Partial<NewJournalEntry> = {}, tenantId = 'default'): NewJournalEntry => ({
    tenantId,
    type: 'task_created',
    summary: 'x',
    ...fields,
  });

  const makeTask = (fields: { status?: TaskStatus; agentId?: string; taskType?: string } = {}) =>
    insertBareTask(database, fields);
  const setStatus = (id: string, status: TaskStatus) =>
    database.db.updateTable('tasks').set({ status }).where('id', '=', id).execute();

  /** The next so many events, or all until the stream ends. */
  async function take(
    count: number,
    options: Partial<FollowOptions>,
    from: JournalFeed = feed,
    ready?: () => Promise<unknown>,
  ): Promise<TaskEvent[]> {
    const enough = new AbortController();
    const events: TaskEvent[] = [];
    const stream = from.follow({ tenantId: 'default', signal: enough.signal, ...options });
    const first = stream.next();
    if (ready !== undefined) await sleep(50).then(ready);
    for (let next = await first; !next.done; next = await stream.next()) {
      events.push(next.value);
      if (events.length === count) break;
    }
    enough.abort();
    await stream.return();
    return events;
  }
  /** These many events, and whatever comes after them within a moment, which is none where all is well. */
  async function takeAll(
    count: number,
    options: Partial<FollowOptions>,
    from: JournalFeed = feed,
    ready?: () => Promise<unknown>,
  ): Promise<TaskEvent[]> {
    const enough = new AbortController();
    const events: TaskEvent[] = [];
    const stream = from.follow({ tenantId: 'default', signal: enough.signal, ...options });
    const endIn = (ms: number) => setTimeout(() => enough.abort(), ms);
    let timer = endIn(count === 0 ? 300 : 10_000);
    const first = stream.next();
    if (ready !== undefined) await sleep(50).then(ready);
    for (let next = await first; !next.done; next = await stream.next()) {
      events.push(next.value);
      if (events.length < count) continue;
      clearTimeout(timer);
      timer = endIn(300);
    }
    clearTimeout(timer);
    return events;
  }
  const idsOf = (events: TaskEvent[]) => events.map((event) => event.entry.id);

  it('gives a reader what happens from now on, at once and with the task', async () => {
    const taskId = await makeTask();
    await write([{ taskId }]);
    let wroteAt = 0;
    let written: string[] = [];
    const [event] = await take(1, {}, feed, async () => {
      wroteAt = performance.now();
      written = await write([{ taskId, type: 'task_started' }]);
    });
    assert.ok(performance.now() - wroteAt < 3_000, 'before the next look at the table');
    assert.deepEqual([event?.entry.id], written);
    assert.equal(event?.type, 'task_started');
    assert.equal(event?.task?.id, taskId);
  });

  it('wakes readers of another process', async () => {
    let written: string[] = [];
    let wroteAt = 0;
    const events = await take(2, {}, farFeed, async () => {
      wroteAt = performance.now();
      written = await write([{}, {}]);
    });
    assert.ok(performance.now() - wroteAt < 3_000, 'before the next look at the table');
    assert.deepEqual(idsOf(events), written);
  });

  it('goes on after any event, over many pages, and after the present', async () => {
    const present = await feed.now();
    const written: string[] = [];
    for (let page = 0; page < 12; page++) written.push(...(await write(Array.from({ length: 100 }, () => ({})))));
    const all = await take(1_200, { after: present });
    assert.deepEqual(idsOf(all), written);
    const rest = await take(700, { after: all[499]!.id }, farFeed);
    assert.deepEqual(idsOf(rest), written.slice(500));
    const later = await take(1, { after: await feed.now() }, feed, () => write([{ summary: 'later' }]));
    assert.equal(later[0]?.entry.summary, 'later');
  });

  it('takes any place that an id can name', async () => {
    assert.ok((await take(1, { after: '0-99999999999999999999' })).length === 1);
    const none = take(1, { after: '99999999999999999999-99999999999999999999', signal: AbortSignal.timeout(300) });
    assert.deepEqual(await none, []);
  });

  it('shows each entry exactly once and in one order to readers that come and go beside long transactions', async () => {
    const begin = await feed.now();
    const written = new Set<string>();
    let writing = true;
    const writers = Promise.all(
      Array.from({ length: 8 }, async (_, writer) => {
        for (let round = 0; round < 12; round++) {
          const rolledBack = random(5) === 0;
          await inTenant(database.db, 'default', async (tx) => {
            const ids: string[] = [];
            for (let part = 0; part <= random(3); part++) {
              ids.push(
                ...(await recordJournal(
                  tx,
                  Array.from({ length: 1 + random(4) }, () => entry()),
                )),
              );
              await sleep(random(writer === 0 ? 150 : 15));
            }
            if (rolledBack) throw new Error('rolled back');
            return ids;
          }).then(
            (ids) => ids.forEach((id) => written.add(id)),
            (error: Error) => assert.equal(error.message, 'rolled back'),
          );
          if (random(4) > 0) database.notify('reeve_journal', 'default');
        }
      }),
    ).finally(() => (writing = false));
    const readers = Array.from({ length: 4 }, async () => {
      const seen: TaskEvent[] = [];
      while (writing || seen.length < written.size) {
        const at = seen.at(-1)?.id ?? begin;
        const enough = random(2) === 0 ? {} : { signal: AbortSignal.timeout(5 + random(100)) };
        const wanted = Math.min(1 + random(40), writing ? Infinity : written.size - seen.length);
        seen.push(
          ...(await take(
            wanted,
            { after: at, signal: AbortSignal.timeout(300), ...enough },
            random(2) === 0 ? feed : farFeed,
          )),
        );
      }
      return seen.map(({ entry: { id } }) => id);
    });
    await writers;
    const [first, ...others] = await Promise.all(readers);
    assert.equal(new Set(first).size, first!.length, 'no repeat');
    assert.deepEqual(new Set(first), written);
    for (const other of others) assert.deepEqual(other, first);
    const none = await take(1, { after: begin, tenantId: 'other', signal: AbortSignal.timeout(200) });
    assert.deepEqual(none, []);
  });

  it('waits for no transaction of another database of the server', async () => {
    if (database.kind === 'pglite') return;
    await using neighbor = await createTestDatabase();
    await using stranger = await openDatabase({ ...neighbor, pool: 1, log: silentLog });
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: begun, resolve: setBegun } = Promise.withResolvers<void>();
    const long = stranger.db.transaction().execute(async (tx) => {
      await ensureTenant(tx, 'writes');
      setBegun();
      await held;
    });
    await begun;
    const begin = await feed.now();
    const written = await write([{ summary: 'here' }]);
    assert.deepEqual(idsOf(await take(1, { after: begin, signal: AbortSignal.timeout(10_000) })), written);
    // Nor does it show a reader from now on what was before.
    let later: string[] = [];
    const [event] = await take(1, {}, feed, async () => void (later = await write([{ summary: 'later' }])));
    assert.deepEqual([event?.entry.id], later);
    release();
    await long;
  });

  it('holds back what a longer transaction could come before, and gives it soon after', async () => {
    if (database.kind === 'pglite') return;
    const begin = await feed.now();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: begun, resolve: setBegun } = Promise.withResolvers<string[]>();
    const long = inTenant(database.db, 'default', async (tx) => {
      setBegun(await recordJournal(tx, [entry({ summary: 'slow' })]));
      await held;
    });
    const [slow] = await begun;
    const [fast] = await write([{ summary: 'fast' }]);
    assert.deepEqual(await take(1, { after: begin, signal: AbortSignal.timeout(500) }), []);
    const both = take(2, { after: begin });
    await sleep(100);
    release();
    await long;
    const releasedAt = performance.now();
    assert.deepEqual(idsOf(await both), [slow, fast]);
    assert.ok(performance.now() - releasedAt < 2_500);
  });

  it('gives a tenant nothing of another', async () => {
    const begin = await feed.now();
    const [theirs] = await write([{ summary: 'theirs' }], 'other');
    const [mine] = await write([{ summary: 'mine' }]);
    assert.deepEqual(idsOf(await takeAll(1, { after: begin })), [mine]);
    assert.deepEqual(idsOf(await takeAll(1, { after: begin, tenantId: 'other' }, farFeed)), [theirs]);
  });

  it('keeps to an agent and to a type of task, and then leaves out what concerns no task', async () => {
    const begin = await feed.now();
    const chat = await makeTask();
    const plan = await makeTask({ agentId: 'bob', taskType: 'plan' });
    const entries = [
      { taskId: chat, agentId: 'ada' },
      { taskId: plan, agentId: 'bob' },
      { type: 'schedule_fired' as const, agentId: 'bob', scheduleId: newId() },
    ];
    const written = await write(entries);
    for (const from of [feed, farFeed]) {
      const assertOnly = async (filter: Partial<FollowOptions>, expected: string[]) =>
        assert.deepEqual(idsOf(await takeAll(expected.length, { after: begin, ...filter }, from)), expected);
      await assertOnly({}, written);
      await assertOnly({ agentId: 'bob' }, [written[1]!]);
      await assertOnly({ taskType: 'chat' }, [written[0]!]);
      await assertOnly({ agentId: 'ada', taskType: 'plan' }, []);
    }
    let again: string[] = [];
    const seen = await takeAll(
      1,
      { agentId: 'bob', taskType: 'plan' },
      feed,
      async () => (again = await write(entries)),
    );
    assert.deepEqual(idsOf(seen), [again[1]]);
  });

  it('misses nothing for a reader that comes while a page is read for others', async () => {
    const gone = new AbortController();
    const others = take(1, { agentId: 'nobody', signal: gone.signal });
    for (let round = 0; round < 60; round++) {
      const begin = await feed.now();
      const writing = write([{ agentId: 'bob', taskId: newId() }]);
      if (round % 2 === 0) await writing;
      await sleep(Math.random() * 20);
      const found = take(1, { after: begin, agentId: 'bob', signal: AbortSignal.timeout(4_000) });
      assert.deepEqual(idsOf(await found), await writing, `round ${round}`);
    }
    gone.abort();
    assert.deepEqual(await others, []);
  });

  it('follows one task from its first entry to its end, and ends there', async () => {
    const taskId = await makeTask();
    const tell = (type: JournalType) => write([{ taskId, type }]);
    await tell('task_created');
    await write([{}]);
    const live = take(99, { taskId }, farFeed);
    await sleep(100);
    await tell('task_started');
    await setStatus(taskId, 'failed');
    await tell('task_failed');
    const types = async (events: Promise<TaskEvent[]>) => (await events).map(({ type }) => type);
    assert.deepEqual(await types(live), ['task_created', 'task_started', 'task_failed']);
    const whole = await take(99, { taskId });
    assert.deepEqual(
      whole.map(({ type }) => type),
      ['task_created', 'task_started', 'task_failed'],
    );
    assert.deepEqual(await take(99, { taskId, after: whole.at(-1)!.id }), []);

    await setStatus(taskId, 'pending');
    await tell('task_retried');
    const retried = take(99, { taskId, after: whole.at(-1)!.id });
    await sleep(100);
    await setStatus(taskId, 'completed');
    await tell('task_completed');
    assert.deepEqual(await types(retried), ['task_retried', 'task_completed']);
  });

  it('lets a reader be as slow as it likes', async () => {
    const gone = new AbortController();
    const begin = await feed.now();
    const slow = feed.follow({ tenantId: 'default', after: begin, signal: gone.signal });
    const written = await write([{}]);
    assert.equal((await slow.next()).value?.entry.id, written[0]);
    for (let page = 0; page < 12; page++) written.push(...(await write(Array.from({ length: 100 }, () => ({})))));
    await take(1_201, { after: begin });
    const seen = [written[0]!];
    while (seen.length < written.length) seen.push((await slow.next()).value!.entry.id);
    assert.deepEqual(seen, written);
    gone.abort();
    assert.equal((await slow.next()).done, true);
  });

  it('ends its streams when it is disposed of, and reads no more', async () => {
    const own = createJournalFeed(database);
    const stream = take(1, {}, own);
    await sleep(50);
    await own[Symbol.asyncDispose]();
    assert.deepEqual(await stream, []);
  });
});
