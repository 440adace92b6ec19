import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { routes } from '@reeve/contract';
import { openRunPlace, type RunPlace } from '@reeve/testing/run-place';

describe('the built-in tools, over HTTP', { timeout: 300_000 }, () => {
  let place: RunPlace;
  before(async () => {
    place = await openRunPlace();
    await place.makeAgent('boss', { tools: ['create_task'] });
    await place.makeAgent('scout', { tools: [] });
  });
  after(() => place[Symbol.asyncDispose]());
  beforeEach(() => place.upstream.reset());

  const execute = (tool_name: string, args: Record<string, unknown>) =>
    place.admin.call(routes.executeTool, { body: { tool_name, args } });

  it('are listed, and one that cannot be used here says why', async () => {
    const { tools } = await place.admin.call(routes.listTools, {});
    const found = new Map(tools.map((tool) => [tool.name, tool]));
    assert.deepEqual(
      ['apply_patch', 'create_task', 'grep_files', 'http_request', 'web_crawl'].map(
        (name) => found.get(name)?.available,
      ),
      [true, true, true, true, true],
    );
    assert.match(found.get('web_search')!.unavailable_reason!, /set WEB_SEARCH_URL/);
  });

  it('reach nothing inside, such as the server itself or its model', async () => {
    for (const url of [place.reeve.url, place.upstream.url, 'http://169.254.169.254/latest/meta-data/'])
      for (const tool of ['http_request', 'web_crawl']) {
        const { tool_status, result } = await execute(tool, { url });
        assert.equal(tool_status, 'error');
        assert.match(JSON.stringify(result), /not on the public Internet; REEVE_ALLOW_PRIVATE_URLS/);
      }
    assert.equal(place.upstream.requests.length, 0);
  });

  it('make tasks only for agents at work, who make them in their own name and trace', async () => {
    const outside = await execute('create_task', { title: 'look' });
    assert.match(JSON.stringify(outside.result), /only a running agent can create a task/);
    place.upstream.script([
      { toolCalls: [{ name: 'create_task', input: { agent: 'scout', title: 'Look around', instructions: 'Far.' } }] },
      { text: ['It is in the queue.'] },
      { text: ['There was nothing.'] },
    ]);
    const { run_id } = await place.admin.call(routes.execute, {
      body: { task: 'Have it looked at.', agent: 'boss', timeout_ms: 60_000 },
    });
    const { steps } = await place.admin.call(routes.listSteps, { params: { id: run_id } });
    const { result } = steps.find(({ kind }) => kind === 'tool')!.output as {
      result: { task_id: string; agent: string };
    };
    assert.equal(result.agent, 'scout');
    const { task, runs } = await ended(result.task_id);
    assert.deepEqual(
      [task.status, task.agent_id, task.title, task.task_type, task.created_by_user_id],
      ['completed', 'scout', 'Look around', 'agent_task', 'agent:boss'],
    );
    assert.equal(runs[0]!.result, 'There was nothing.');
    assert.equal(task.trace_id, (await place.admin.call(routes.getRun, { params: { id: run_id } })).trace_id);
  });

  async function ended(id: string) {
    for (let tries = 0; ; tries++) {
      const detail = await place.admin.call(routes.getTask, { params: { id } });
      if (detail.task.status === 'completed' || tries > 200) return detail;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
});
