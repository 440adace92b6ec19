import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes, type BodyInputOf, type Workflow } from '@reeve/contract';
import { openHttpPlace, refused, type HttpPlace } from '@reeve/testing/http-place';

type Draft = BodyInputOf<typeof routes.createWorkflow>['tasks'][number];

describe('workflows over HTTP', { timeout: 60_000 }, () => {
  let place: HttpPlace;
  before(async () => void (place = await openHttpPlace()));
  after(() => place[Symbol.asyncDispose]());

  const node = (key: string, depends_on: string[] = [], fields: Partial<Draft> = {}): Draft => ({
    key,
    depends_on,
    agent_id: 'assistant',
    task_type: 'sum',
    title: 'What is 6 * 7?',
    ...fields,
  });
  const create = (tasks: Draft[], on_failure?: Workflow['on_failure']) =>
    place.admin.call(routes.createWorkflow, { body: { title: 'a graph', tasks, on_failure } });
  const read = (id: string) => place.admin.call(routes.getWorkflow, { params: { id } });
  const statuses = ({ tasks }: Workflow) => Object.fromEntries(tasks.map(({ key, status }) => [key, status]));

  it('a key that is there twice, an unknown one and a cycle are refused by name, and nothing is stored', async () => {
    const total = async () => (await place.admin.call(routes.listTasks, { query: { limit: 1 } })).total;
    const before = await total();
    const cases: [Draft[], string, RegExp][] = [
      [[node('a'), node('b'), node('a')], 'tasks.2.key', /a is there twice/],
      [[node('a'), node('b', ['a', 'c'])], 'tasks.1.depends_on.1', /c is not the key of a task/],
      [[node('a', ['a'])], 'tasks.0.depends_on', /a → a/],
      [[node('x'), node('a', ['c', 'x']), node('b', ['a']), node('c', ['b'])], 'tasks.1.depends_on', /a → c → b → a/],
      [[node('a'), node('b', ['a'], { title: '' })], 'tasks.1.title', /title/],
      [[node('a'), node('not a key')], 'tasks.1.key', /key/],
      [[], 'tasks', /tasks/],
    ];
    for (const [tasks, path, message] of cases) {
      await refused(create(tasks), 400, 'invalid_request', path);
      await assert.rejects(create(tasks), { message });
    }
    await refused(create([node('a'), node('b', [], { agent_id: 'nobody' })]), 400, 'unknown_agent', 'tasks.1.agent_id');
    assert.equal(await total(), before);
    assert.equal((await place.admin.call(routes.listWorkflows, { query: {} })).total, 0);
  });

  it('results of finished dependencies reach the dependent, by their keys', async () => {
    const made = await create([
      node('tell', ['product', 'sum'], { title: 'Tell the results', payload: { unit: 'kg' } }),
      node('product'),
      node('sum', ['product'], { title: 'What is 20 + 3?' }),
    ]);
    assert.deepEqual([made.status, made.counts], ['pending', { pending: 3 }]);
    assert.deepEqual(
      made.tasks.map(({ key, waiting_for }) => [key, waiting_for]),
      [
        ['tell', 'dependencies'],
        ['product', null],
        ['sum', 'dependencies'],
      ],
    );
    const [tell, product, sum] = made.tasks;
    assert.deepEqual(tell!.depends_on, [product!.id, sum!.id]);
    await place.work();
    const done = await read(made.id);
    assert.deepEqual([done.status, done.counts], ['completed', { completed: 3 }]);
    const payload = done.tasks[0]!.payload as { unit: string; dependencies: Record<string, { response: string }> };
    assert.equal(payload.unit, 'kg');
    assert.deepEqual(Object.keys(payload.dependencies).sort(), ['product', 'sum']);
    assert.match(payload.dependencies['product']!.response, /42/);
    assert.match(payload.dependencies['sum']!.response, /23/);
    const { runs } = await place.admin.call(routes.listRuns, { query: { task_id: tell!.id } });
    assert.match(runs[0]!.input, /6 \* 7 = 42/, 'the agent is shown them');
    const listed = await place.admin.call(routes.listTasks, { query: { workflow_id: made.id } });
    assert.deepEqual(listed.tasks.map(({ workflow_key }) => `${workflow_key}`).sort(), ['product', 'sum', 'tell']);
  });

  it('where a task fails its dependents are cancelled, and the others go on', async () => {
    const { hasty } = place;
    const { id } = await create([
      node('bad', [], { agent_id: hasty.slug }),
      node('next', ['bad']),
      node('last', ['next', 'good']),
      node('good'),
      node('after', ['good']),
    ]);
    await place.work();
    const ended = await read(id);
    assert.deepEqual(statuses(ended), {
      bad: 'failed',
      next: 'cancelled',
      last: 'cancelled',
      good: 'completed',
      after: 'completed',
    });
    assert.equal(ended.status, 'failed');
    const [, next] = ended.tasks;
    assert.match(next!.error_message ?? '', /failed/);
    await refused(place.admin.call(routes.retryTask, { params: { id: next!.id } }), 409, 'conflict');
  });

  it('with run_anyway a task that failed counts as ended, with a null result', async () => {
    const { hasty } = place;
    const { id } = await create(
      [node('bad', [], { agent_id: hasty.slug }), node('good'), node('next', ['bad', 'good'])],
      'run_anyway',
    );
    await place.work();
    const ended = await read(id);
    assert.deepEqual(statuses(ended), { bad: 'failed', good: 'completed', next: 'completed' });
    assert.equal(ended.status, 'failed');
    const { dependencies } = ended.tasks[2]!.payload as { dependencies: Record<string, unknown> };
    assert.equal(dependencies['bad'], null);
    assert.match(JSON.stringify(dependencies['good']), /42/);
  });

  it('a rejected task fails like any other', async () => {
    const { admin } = place;
    const { tasks, id } = await create([node('asked', [], { requires_approval: true }), node('next', ['asked'])]);
    await admin.call(routes.decideTask, { params: { id: tasks[0]!.id }, body: { decision: 'reject', reason: 'no' } });
    assert.deepEqual(statuses(await read(id)), { asked: 'failed', next: 'cancelled' });
  });

  it('cancel ends all that has not ended, once', async () => {
    const { admin, stranger } = place;
    const { id } = await create([
      node('done'),
      node('later', ['done'], { run_at: '2100-01-01T00:00:00Z' }),
      node('last', ['later']),
    ]);
    await place.work();
    assert.equal((await read(id)).status, 'in_progress');
    const params = { id };
    for (const route of [routes.cancelWorkflow, routes.getWorkflow])
      await refused(stranger.call(route, { params }), 404, 'not_found');
    const cancelled = await admin.call(routes.cancelWorkflow, { params });
    assert.deepEqual(statuses(cancelled), { done: 'completed', later: 'cancelled', last: 'cancelled' });
    assert.equal(cancelled.status, 'cancelled');
    await refused(admin.call(routes.cancelWorkflow, { params }), 409, 'conflict');
    assert.equal((await stranger.call(routes.listWorkflows, { query: {} })).total, 0);
    const [newest] = (await admin.call(routes.listWorkflows, { query: { limit: 1 } })).workflows;
    assert.deepEqual([newest?.id, newest?.status], [id, 'cancelled']);
  });
});
