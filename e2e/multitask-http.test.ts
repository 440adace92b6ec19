import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { routes, type Multitask, type RunEvent } from '@reeve/contract';
import { refused } from '@reeve/testing/http-place';
import { calculate, firstEvent, isAsked, openRunPlace, type RunPlace } from '@reeve/testing/run-place';

interface Said {
  readonly message: string;
  readonly session_id: string;
  readonly multitask: Multitask;
}

const agent = 'careful';
const wait = { timeout_ms: 60_000 };

describe('a message to a busy session, over HTTP', { timeout: 300_000 }, () => {
  let place: RunPlace;
  before(async () => {
    place = await openRunPlace();
    await place.makeAgent(agent, { approvals: ['calculator'] });
  });
  after(() => place[Symbol.asyncDispose]());
  beforeEach(() => place.upstream.reset());

  const chat = ({ message, ...said }: Said, stream: boolean) => ({
    body: { ...said, ...wait, agent_config_id: agent, message, stream },
  });
  /** Every door, with what answers at it. */
  const DOORS: Readonly<Record<string, (said: Said) => Promise<string | null>>> = {
    '/execute': async ({ message, ...said }) =>
      (await place.admin.call(routes.execute, { body: { ...said, ...wait, task: message, agent } })).result,
    '/run': async ({ message, ...said }) =>
      (await place.admin.call(routes.run, { body: { ...said, ...wait, prompt: message, agent } })).result,
    '/plan': async ({ message, ...said }) =>
      (await place.admin.call(routes.plan, { body: { ...said, ...wait, task: message, agent } })).result,
    '/api/v1/plan': async ({ message, ...said }) =>
      (await place.admin.call(routes.planV1, { body: { ...said, ...wait, prompt: message, agent } })).llm_response,
    '/query': async (said) =>
      (await place.admin.call(routes.query, { body: { ...said, ...wait, agent_config_id: agent } })).response,
    '/api/v1/agents/chat': async (said) =>
      (await place.admin.call(routes.chat, chat(said, false))).response.result.response,
    '/api/v1/agents/chat, streaming': async (said) => {
      for await (const event of place.admin.client.stream(routes.chat, chat(said, true)))
        if (event.type === 'result') return event.result;
      return null;
    },
  };

  /** Starts a run whose answer stops in the middle. */
  async function hanging(): Promise<{ run_id: string; session_id: string }> {
    place.upstream.script([{ text: ['I think ', 'that ', 'it ', 'is '], fault: 'hang' }]);
    const events = place.admin.client.stream(routes.chat, { body: { agent_config_id: agent, message: 'first' } });
    let session_id = '';
    const { run_id } = await firstEvent(events, (event): event is Extract<RunEvent, { type: 'text' }> => {
      if (event.type === 'session_start') session_id = event.session_id;
      return event.type === 'text';
    });
    return { run_id, session_id };
  }
  const runOf = (id: string) => place.admin.call(routes.getRun, { params: { id } });
  const saidIn = async (session_id: string) => {
    const { messages } = await place.admin.call(routes.getLatestMemory, { query: { session_id } });
    return messages.filter(({ role }) => role === 'user' || role === 'assistant').map(({ content }) => content);
  };

  it('is refused at every door with "reject", and the run goes on', async () => {
    const { run_id, session_id } = await hanging();
    for (const [door, say] of Object.entries(DOORS)) {
      await refused(say({ message: 'second', session_id, multitask: 'reject' }), 409, 'conflict');
      assert.equal((await runOf(run_id)).status, 'running', door);
    }
    const { runs } = await place.admin.call(routes.listRuns, { query: { session_id } });
    assert.deepEqual(
      runs.map(({ id }) => id),
      [run_id],
      'a refused message leaves no run behind',
    );
    await place.admin.call(routes.cancelRun, { params: { id: run_id } });
  });

  for (const multitask of ['interrupt', 'rollback'] as const)
    it(`stops the run at every door with "${multitask}", and is answered`, async () => {
      for (const [door, say] of Object.entries(DOORS)) {
        const { run_id, session_id } = await hanging();
        place.upstream.script([{ text: ['The second answer.'] }]);
        assert.equal(await say({ message: 'second', session_id, multitask }), 'The second answer.', door);
        const first = await runOf(run_id);
        assert.deepEqual([first.status, first.error?.code], ['cancelled', 'cancelled'], door);
        const kept = multitask === 'interrupt' ? ['first'] : [];
        assert.deepEqual(await saidIn(session_id), [...kept, 'second', 'The second answer.'], door);
        const asked = place.upstream.requests.at(-1)!.messages.filter(({ role }) => role === 'user');
        assert.deepEqual(
          asked.map(({ text }) => text),
          [...kept, 'second'],
          door,
        );
      }
    });

  it('waits its turn at every door with "enqueue", in the order of arrival, behind a run that waits for a person', async () => {
    const events = place.admin.client.stream(routes.chat, { body: { agent_config_id: agent, message: 'first' } });
    place.upstream.script([calculate('6 * 7')]);
    let session_id = '';
    const { approval_id } = await firstEvent(
      events,
      (event): event is Extract<RunEvent, { type: 'approval_required' }> => {
        if (event.type === 'session_start') session_id = event.session_id;
        return isAsked(event);
      },
    );
    const doors = Object.entries(DOORS);
    const answers: Promise<string | null>[] = [];
    for (const [index, [, say]] of doors.entries()) {
      answers.push(say({ message: `message ${index}`, session_id, multitask: 'enqueue' }));
      const isThere = async () =>
        (await place.admin.call(routes.listRuns, { query: { session_id } })).total === index + 2;
      while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const { runs } = await place.admin.call(routes.listRuns, { query: { session_id } });
    assert.deepEqual(new Set(runs.map(({ status }) => status)), new Set(['queued']));
    assert.equal(place.upstream.requests.length, 1, 'nothing overtakes');

    place.upstream.respond(({ messages }) => ({
      text: [`To ${messages.findLast(({ role }) => role === 'user')?.text}`],
    }));
    const body = { decision: 'approve' } as const;
    await place.admin.call(routes.decideApproval, { params: { id: approval_id }, body });
    assert.deepEqual(
      await Promise.all(answers),
      doors.map((_, index) => `To message ${index}`),
    );
    assert.deepEqual(await saidIn(session_id), [
      'first',
      'To first',
      ...doors.flatMap((_, index) => [`message ${index}`, `To message ${index}`]),
    ]);
  });
});
