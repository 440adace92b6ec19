// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TaskInput } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { ReeveError } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import { createAgentTask } from './agent-task.ts';
import { createEnqueuer } from './enqueue.ts';
import { selectTask } from './store/read.ts';

const idle = { run: async () => null, ended: async () => undefined };

describe('a task that an agent creates', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  const check = async (_tx: unknown, _tenantId: string, agentId: string) => {
    if (agentId === 'nobody') throw new ReeveError('unknown_agent', 'there is no agent nobody');
    return agentId.toLowerCase();
  };
  const input = (fields: object = {}) =>
    TaskInput.parse({ agent_id: 'Scout', task_type: 'agent_task', title: 'look', ...fields });
  const create = (idempotencyKey: string, traceId: string, fields: object = {}, agent = 'boss') =>
    createAgentTask(database, check, { tenantId: 'default', agent, traceId, idempotencyKey }, input(fields));
  const count = async (traceId: string) =>
    (await database.db.selectFrom('tasks').select('id').where('trace_id', '=', traceId).execute()).length;

  it('enters the queue with the agent as its creator and in the trace of its run', async () => {
    const { id } = await create('run:1', 'trace-1', { description: 'far' });
    const task = await inTenant(database.db, 'default', (tx) => selectTask(tx, 'default', id));
    assert.ok(task);
    assert.deepEqual(
      [task.agent_id, task.title, task.description, task.status, task.created_by_user_id, task.trace_id],
      ['scout', 'look', 'far', 'pending', 'agent:boss', 'trace-1'],
    );
    const audit = await database.db.selectFrom('audit').select(['action', 'actor']).where('task_id', '=', id).execute();
    assert.deepEqual(audit, [{ action: 'TASK_CREATED', actor: 'agent:boss' }]);
  });

  it('waits for its time', async () => {
    const runAt = new Date(Date.now() + 3_600_000).toISOString();
    const { id } = await create('run:later', 'trace-2', { run_at: runAt });
    const task = await inTenant(database.db, 'default', (tx) => selectTask(tx, 'default', id));
    assert.deepEqual([task!.waiting_for, new Date(task!.run_at!).toISOString()], ['schedule', runAt]);
  });

  it('is created once, however often the call is repeated', async () => {
    const [first, second] = [await create('run:2', 'trace-3'), await create('run:2', 'trace-3', { title: 'again' })];
    assert.deepEqual([second.id, second.title, await count('trace-3')], [first.id, 'look', 1]);
    await Promise.all([create('run:3', 'trace-3'), create('run:3', 'trace-3')]);
    assert.equal(await count('trace-3'), 2);
    assert.notEqual((await create('run:4', 'trace-3')).id, first.id);
  });

  it('needs an agent that exists', async () => {
    await assert.rejects(create('run:5', 'trace-4', { agent_id: 'nobody' }), { reason: 'unknown_agent' });
    assert.equal(await count('trace-4'), 0);
  });

  it('counts towards a limit of a hundred in its trace, over all agents and without tasks of people', async () => {
    const { batch } = createEnqueuer(database, idle, check);
    for (const userId of ['ada', 'agent:boss'])
      await batch(
        { tenantId: 'default', userId, traceId: 'trace-5' },
        Array.from({ length: 75 }, () => input()),
      );
    for (let index = 0; index < 97; index++)
      await create(`made:${index}`, 'trace-5', {}, index % 2 === 0 ? 'boss' : 'scout');
    await create('loop:7', 'trace-5');
    const last = await Promise.allSettled(Array.from({ length: 5 }, (_, index) => create(`last:${index}`, 'trace-5')));
    assert.equal(last.filter(({ status }) => status === 'fulfilled').length, 2);
    await assert.rejects(create('one more', 'trace-5'), { reason: 'limit_reached', message: /100 tasks/ });
    assert.equal((await create('loop:7', 'trace-5')).title, 'look', 'a repeat is no new one');
    assert.equal(await count('trace-5'), 250);
    await create('another', 'trace-6');
    // A client that gives one trace id to all its requests is not locked out for good.
    await sql`update tasks set created_at = reeve_now() - interval '23 hours' where trace_id = 'trace-5'`.execute(
      database.db,
    );
    await assert.rejects(create('one more', 'trace-5'), { reason: 'limit_reached' });
    await sql`update tasks set created_at = reeve_now() - interval '25 hours' where trace_id = 'trace-5'`.execute(
      database.db,
    );
    await create('one more', 'trace-5');
  });
});
