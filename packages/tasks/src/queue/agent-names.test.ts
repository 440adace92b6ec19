// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TaskInput } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { ReeveError, sleep } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import { createAgentNames, type CheckTask } from './agent-names.ts';

const input = (agentId: string) => TaskInput.parse({ agent_id: agentId, task_type: 'query', title: 'x' });

describe('the agents of new tasks', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  /** A check that knows these, in any case, and what it was asked. */
  function knowing(...names: string[]) {
    const asked: string[] = [];
    const check: CheckTask = async (tx, tenantId, agentId) => {
      asked.push(`${tenantId} ${agentId}`);
      if (agentId === 'broken') await sql`select 1 / 0`.execute(tx);
      const name = names.find((known) => known === agentId.toLowerCase());
      if (name !== undefined) return name;
      throw new ReeveError('unknown_agent', `there is no agent ${agentId}`, {
        details: [{ path: 'agent_id', message: 'is not an agent' }],
      });
    };
    return { names, asked, agents: createAgentNames(database, check) };
  }

  it('are checked once for concurrent callers, each tenant for itself', async () => {
    const { agents, asked } = knowing('ada', 'bob');
    const filled = await Promise.all([
      agents.fill('default', input('Ada')),
      agents.fill('default', input('Ada')),
      agents.fill('default', input('bob')),
      agents.fill('other', input('Ada')),
    ]);
    assert.deepEqual(
      filled.map(({ agent_id }) => agent_id),
      ['ada', 'ada', 'bob', 'ada'],
    );
    assert.deepEqual(asked.toSorted(), ['default Ada', 'default bob', 'other Ada']);
  });

  it('are checked again after an agent changed anywhere', async () => {
    const { agents, asked, names } = knowing('ada');
    await agents.fill('default', input('ada'));
    names.length = 0;
    // Whether the answer is still remembered here or a second has passed, a change that is heard of makes it be forgotten.
    database.notify('reeve_agents', 'default');
    const refused = () =>
      agents.fill('default', input('ada')).then(
        () => false,
        () => true,
      );
    while (!(await refused())) await sleep(5);
    assert.equal(asked.length, 2);
  });

  it('refuse one task and not the others of its batch, unless the database fails', async () => {
    const { agents } = knowing('ada');
    const [one, other] = await Promise.allSettled([
      agents.fill('default', input('nobody')),
      agents.fill('default', input('ada')),
    ]);
    assert.deepEqual([one.status, other.status], ['rejected', 'fulfilled']);
    await assert.rejects(agents.fillAll('default', [input('ada'), input('nobody')]), {
      reason: 'unknown_agent',
      details: [{ path: 'tasks.1.agent_id', message: 'is not an agent' }],
    });
    await assert.rejects(agents.fillAll('default', [input('broken'), input('nobody')]), { code: '22012' });
    assert.deepEqual(
      (await agents.fillAll('default', [input('ADA'), input('ada')])).map(({ agent_id }) => agent_id),
      ['ada', 'ada'],
    );
  });
});
