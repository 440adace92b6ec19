import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes, type Route, type Task, type TaskDraft, type TaskEvent } from '@reeve/contract';
import { newId } from '@reeve/kit';
import { openHttpPlace, refused, type HttpPlace } from '@reeve/testing/http-place';

const DAY_MS = 86_400_000;

describe('tasks over HTTP', { timeout: 120_000 }, () => {
  let place: HttpPlace;
  before(async () => void (place = await openHttpPlace()));
  after(() => place[Symbol.asyncDispose]());

  const draft = (fields: Partial<TaskDraft> = {}): TaskDraft => ({
    agent_id: 'assistant',
    task_type: 'sum',
    title: 'What is 6 * 7?',
    ...fields,
  });

  it('a task is answered with every field of the contract, as it is made, and with its runs and journal once it ended', async () => {
    const { admin } = place;
    const body = draft({ description: 'by hand', payload: { unit: 'kg' }, priority: -7, max_attempts: 5 });
    const response = await admin.fetch('/api/agents/tasks', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-trace-id': 'my-trace:2' },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 201);
    const { task } = (await response.json()) as { task: Task };
    const { agent_id, task_type, title, description, payload, priority, max_attempts } = task;
    const { trace_id, status, attempts } = task;
    assert.deepEqual(
      { agent_id, task_type, title, description, payload, priority, max_attempts, trace_id, status, attempts },
      { ...body, trace_id: 'my-trace:2', status: 'pending', attempts: 0 },
    );
    assert.deepEqual([task.waiting_for, task.tenant_id, task.created_by_user_id], [null, 'default', 'key-1']);
    await place.work();
    const detail = await admin.call(routes.getTask, { params: { id: task.id } });
    assert.equal(detail.task.status, 'completed');
    assert.ok(detail.task.result_summary);
    assert.ok(detail.task.started_at! <= detail.task.completed_at!);
    assert.deepEqual(
      detail.runs.map(({ task_id, status: ended, trace_id: trace }) => [task_id, ended, trace]),
      [[task.id, 'completed', 'my-trace:2']],
    );
    assert.deepEqual(
      detail.journal.map(({ type, actor }) => `${type} by ${actor}`),
      ['task_created by key-1', 'task_started by system', 'task_completed by system'],
    );
    assert.equal(detail.approval, null);
  });

  it('a field that is wrong is named', async () => {
    const { admin } = place;
    const cases: [Record<string, unknown>, string, string][] = [
      [{ title: '' }, 'invalid_request', 'title'],
      [{ title: 'x'.repeat(501) }, 'invalid_request', 'title'],
      [{ title: undefined }, 'invalid_request', 'title'],
      [{ agent_id: undefined }, 'invalid_request', 'agent_id'],
      [{ task_type: undefined }, 'invalid_request', 'task_type'],
      [{ agent_id: 'nobody' }, 'unknown_agent', 'agent_id'],
      [{ priority: 101 }, 'invalid_request', 'priority'],
      [{ priority: -101 }, 'invalid_request', 'priority'],
      [{ max_attempts: 0 }, 'invalid_request', 'max_attempts'],
      [{ run_at: 'tomorrow' }, 'invalid_request', 'run_at'],
      [{ payload: [] }, 'invalid_request', 'payload'],
      [{ depends_on: [newId()] }, 'invalid_request', 'depends_on'],
      [{ depends_on: ['first'] }, 'invalid_request', 'depends_on.0'],
      [{ concurrency_strategy: 'drop' }, 'invalid_request', 'concurrency_strategy'],
      [{ colour: 'red' }, 'invalid_request', 'colour'],
    ];
    for (const [fields, code, path] of cases) {
      const body = draft(fields as Partial<TaskDraft>);
      await refused(admin.call(routes.createTask, { body }), 400, code, path);
      await refused(
        admin.call(routes.createTaskBatch, { body: { tasks: [draft(), body] } }),
        400,
        code,
        `tasks.1.${path}`,
      );
    }
  });

  it('a batch is put into the queue in its order, or not at all', async () => {
    const { admin } = place;
    const count = async () => (await admin.call(routes.listTasks, { query: { task_type: 'batch', limit: 1 } })).total;
    const several = Array.from({ length: 1000 }, (_, index) =>
      draft({ task_type: 'batch', title: `number ${index}`, run_at: '2100-01-01T00:00:00Z' }),
    );
    const unknown = several.with(999, draft({ task_type: 'batch', agent_id: 'nobody' }));
    await refused(
      admin.call(routes.createTaskBatch, { body: { tasks: unknown } }),
      400,
      'unknown_agent',
      'tasks.999.agent_id',
    );
    const absent = several.with(500, draft({ task_type: 'batch', depends_on: [newId()] }));
    await refused(
      admin.call(routes.createTaskBatch, { body: { tasks: absent } }),
      400,
      'invalid_request',
      'tasks.500.depends_on',
    );
    await refused(admin.call(routes.createTaskBatch, { body: { tasks: [] } }), 400, 'invalid_request', 'tasks');
    await refused(
      admin.call(routes.createTaskBatch, { body: { tasks: [...several, draft()] } }),
      400,
      'invalid_request',
      'tasks',
    );
    assert.equal(await count(), 0);
    const { tasks } = await admin.call(routes.createTaskBatch, { body: { tasks: several } });
    assert.deepEqual(
      tasks.map(({ title }) => title),
      several.map(({ title }) => title),
    );
    assert.equal(new Set(tasks.map(({ id }) => id)).size, 1000);
    assert.equal(await count(), 1000);
  });

  it('filters narrow a list down, newest first, page by page', async () => {
    const { admin, hasty } = place;
    const session = newId();
    const later = { run_at: '2100-01-01T00:00:00Z', task_type: 'filtered' };
    const first = await admin.give({ ...later, title: 'Ends at 100% or_more', session_id: session });
    const second = await admin.give({ ...later, title: 'ends At 1000 or more', agent_id: hasty.slug });
    const third = await admin.give({ ...later, title: 'something else', agent_id: hasty.id });
    await admin.call(routes.cancelTask, { params: { id: third.id } });
    const ids = async (query: Record<string, string | number>) => {
      const { tasks, total, limit, offset } = await admin.call(routes.listTasks, {
        query: { task_type: 'filtered', ...query },
      });
      assert.deepEqual([limit, offset], [query['limit'] ?? 50, query['offset'] ?? 0]);
      return [total, ...tasks.map(({ id }) => id)];
    };
    assert.deepEqual(await ids({}), [3, third.id, second.id, first.id]);
    assert.deepEqual(await ids({ limit: 1, offset: 1 }), [3, second.id]);
    assert.deepEqual(await ids({ offset: 3 }), [3]);
    assert.deepEqual(await ids({ agent_id: 'hasty' }), [2, third.id, second.id]);
    assert.deepEqual(await ids({ status: 'cancelled' }), [1, third.id]);
    assert.deepEqual(await ids({ session_id: session }), [1, first.id]);
    assert.deepEqual(await ids({ q: 'ends at' }), [2, second.id, first.id]);
    assert.deepEqual(await ids({ q: '0%' }), [1, first.id]);
    assert.deepEqual(await ids({ q: 'r_m' }), [1, first.id]);
    assert.deepEqual(await ids({ q: 'ends', status: 'pending', agent_id: 'assistant' }), [1, first.id]);
    const asked = await admin.give({ ...later, depends_on: [first.id], requires_approval: true });
    const dependent = await admin.give({ ...later, depends_on: [first.id] });
    assert.deepEqual(await ids({ waiting_for: 'schedule' }), [2, second.id, first.id]);
    assert.deepEqual(await ids({ waiting_for: 'schedule', agent_id: 'hasty' }), [1, second.id]);
    assert.deepEqual(await ids({ waiting_for: 'approval' }), [1, asked.id]);
    assert.deepEqual(await ids({ waiting_for: 'dependencies' }), [1, dependent.id]);
    for (const gate of ['retry', 'concurrency', 'budget']) assert.deepEqual(await ids({ waiting_for: gate }), [0]);
    await refused(
      admin.client.call(routes.listTasks, { query: { status: 'ready' as 'pending' } }),
      400,
      'invalid_request',
      'status',
    );
    await refused(admin.client.call(routes.listTasks, { query: { limit: 201 } }), 400, 'invalid_request', 'limit');
  });

  it('a pending task says what it waits for, and goes on when that is over', async () => {
    const { admin, hasty } = place;
    const scheduled = await admin.give({ run_at: new Date(Date.now() + DAY_MS).toISOString() });
    const past = await admin.give({ run_at: '2001-01-01T00:00:00Z' });
    const first = await admin.give({ run_at: new Date(Date.now() + DAY_MS).toISOString(), concurrency_key: 'one' });
    const dependent = await admin.give({ depends_on: [past.id, first.id] });
    const holder = await admin.give({ concurrency_key: 'two' });
    const queued = await admin.give({ concurrency_key: 'two' });
    const asked = await admin.give({ requires_approval: true, depends_on: [first.id] });
    const given = { scheduled, past, first, dependent, holder, queued, asked };
    const waits = async () =>
      Object.fromEntries(
        await Promise.all(
          Object.entries(given).map(async ([name, { id }]) => {
            const { status, waiting_for } = await admin.task(id);
            return [name, waiting_for ?? status] as const;
          }),
        ),
      );
    assert.deepEqual(await waits(), {
      scheduled: 'schedule',
      past: 'pending',
      first: 'schedule',
      dependent: 'dependencies',
      holder: 'pending',
      queued: 'concurrency',
      asked: 'approval',
    });
    await place.work();
    assert.deepEqual(await waits(), {
      scheduled: 'schedule',
      past: 'completed',
      first: 'schedule',
      dependent: 'dependencies',
      holder: 'completed',
      queued: 'completed',
      asked: 'approval',
    });
    await admin.call(routes.decideTask, { params: { id: asked.id }, body: { decision: 'approve' } });
    assert.equal((await waits())['asked'], 'dependencies');
    await place.passTime(DAY_MS);
    await place.work();
    assert.deepEqual(new Set(Object.values(await waits())), new Set(['completed']));

    const failed = await admin.give({ agent_id: hasty.slug, max_attempts: 1 });
    const orphan = await admin.give({ depends_on: [failed.id] });
    await place.work();
    assert.equal((await admin.task(failed.id)).status, 'failed');
    assert.deepEqual(
      [(await admin.task(orphan.id)).status, (await admin.task(orphan.id)).error_code],
      ['cancelled', 'cancelled'],
    );
    await refused(admin.give({ depends_on: [failed.id] }), 400, 'invalid_request', 'depends_on');
  });

  it('where a concurrency key is in use a task waits, is refused, or takes the place of those before it', async () => {
    const { admin } = place;
    const key = { concurrency_key: 'door', run_at: null };
    const [first, second] = [await admin.give(key), await admin.give({ ...key, concurrency_limit: 2 })];
    assert.equal(second.waiting_for, null);
    await refused(admin.give({ ...key, concurrency_strategy: 'reject' }), 409, 'conflict');
    const waiting = await admin.give(key);
    assert.equal(waiting.waiting_for, 'concurrency');
    const taking = await admin.give({ ...key, concurrency_strategy: 'cancel_running' });
    const statuses = async () =>
      Promise.all([first, second, waiting, taking].map(async ({ id }) => (await admin.task(id)).status));
    assert.equal((await statuses())[0], 'cancelled');
    await place.work();
    assert.equal((await admin.task(taking.id)).status, 'completed');
    assert.ok((await statuses()).every((status) => status === 'completed' || status === 'cancelled'));
  });

  it('cancel ends what has not ended, retry queues what failed, and each says why it does not', async () => {
    const { admin, hasty } = place;
    const task = await admin.give();
    const params = { id: task.id };
    await refused(admin.call(routes.retryTask, { params }), 409, 'conflict');
    const cancelled = await admin.call(routes.cancelTask, { params });
    assert.deepEqual([cancelled.task.status, cancelled.task.error_message], ['cancelled', 'cancelled by key-1']);
    await refused(admin.call(routes.cancelTask, { params }), 409, 'conflict');
    const again = await admin.call(routes.retryTask, { params });
    assert.deepEqual([again.task.status, again.task.error_message, again.task.completed_at], ['pending', null, null]);
    await place.work();
    assert.equal((await admin.task(task.id)).status, 'completed');
    await refused(admin.call(routes.retryTask, { params }), 409, 'conflict');
    await refused(admin.call(routes.cancelTask, { params }), 409, 'conflict');

    const failed = await admin.give({ agent_id: hasty.slug });
    await place.work();
    const before = await admin.task(failed.id);
    assert.deepEqual([before.status, before.error_code, before.attempts], ['failed', 'limit_reached', 1]);
    const stepsOf = async () => {
      const { runs } = await admin.call(routes.getTask, { params: { id: failed.id } });
      assert.equal(runs.length, 1);
      const { steps } = await admin.call(routes.listSteps, { params: { id: runs[0]!.id } });
      return steps
        .filter(({ status }) => status === 'settled')
        .map(({ number, name, attempt, ended_at }) => [number, name, attempt, ended_at]);
    };
    const settled = await stepsOf();
    assert.ok(settled.length > 0);
    await admin.call(routes.updateAgent, { params: { id: hasty.id }, body: { limits: { max_steps: 9 } } });
    await admin.call(routes.retryTask, { params: { id: failed.id } });
    await place.work();
    assert.deepEqual((await stepsOf()).slice(0, settled.length), settled);
    await admin.call(routes.updateAgent, { params: { id: hasty.id }, body: { limits: { max_steps: 1 } } });
  });

  it('the same Idempotency-Key gives the same answer, and is refused for another body', async () => {
    const { admin, stranger } = place;
    const later = { run_at: '2100-01-01T00:00:00Z' };
    const graph = { title: 'x', tasks: [{ ...draft(later), key: 'a' }] };
    const bodies: [string, object, object][] = [
      ['/api/agents/tasks', draft(later), draft({ ...later, title: 'y' })],
      ['/api/agents/tasks/batch', { tasks: [draft(later)] }, { tasks: [draft(later), draft(later)] }],
      ['/api/agents/workflows', graph, { ...graph, title: 'y' }],
    ];
    for (const [path, body, another] of bodies) {
      const post = (caller: typeof admin, sent: object) =>
        caller.fetch(path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': path },
          body: JSON.stringify(sent),
        });
      const total = async () => (await admin.call(routes.listTasks, { query: { limit: 1 } })).total;
      const before = await total();
      const [first, second] = await Promise.all([post(admin, body), post(admin, body)]);
      const third = await post(admin, body);
      assert.equal(third.headers.get('idempotent-replayed'), 'true', path);
      const answer = await third.json();
      assert.equal(third.status, 201);
      for (const response of [first, second])
        if (response.status === 201) assert.deepEqual(await response.json(), answer);
        else assert.equal(response.status, 409);
      assert.equal(await total(), before + 1);
      assert.equal((await post(admin, another)).status, 409, path);
      const elsewhere = await post(stranger, another);
      assert.deepEqual([elsewhere.status, elsewhere.headers.get('idempotent-replayed')], [201, null]);
    }
  });

  it('the counts follow what happens', async () => {
    const { stranger } = place;
    const stats = () => stranger.call(routes.getTaskStats);
    const before = await stats();
    const ready = await stranger.give({ task_type: 'counted' });
    await stranger.give({ task_type: 'counted', run_at: '2100-01-01T00:00:00Z' });
    await stranger.give({ task_type: 'counted', requires_approval: true });
    const waiting = await stats();
    assert.equal(waiting.by_type['counted'], 3);
    assert.equal(waiting.by_status['pending'], (before.by_status['pending'] ?? 0) + 3);
    assert.equal(waiting.by_agent['assistant'], (before.by_agent['assistant'] ?? 0) + 3);
    const more = (key: string) => (waiting.by_waiting[key] ?? 0) - (before.by_waiting[key] ?? 0);
    assert.deepEqual([more('ready'), more('schedule'), more('approval')], [1, 1, 1]);
    assert.ok(waiting.oldest_pending_age_s !== null && waiting.oldest_pending_age_s >= 0);
    await place.work();
    const after = await stats();
    assert.equal((await stranger.task(ready.id)).status, 'completed');
    assert.equal(after.by_waiting['ready'] ?? 0, 0);
    assert.equal(after.oldest_pending_age_s, null);
    assert.ok(after.completed_last_hour > before.completed_last_hour);
    assert.ok(after.throughput_per_minute > 0);
    assert.equal(after.by_status['completed'], (before.by_status['completed'] ?? 0) + 1);
  });

  it('another tenant’s tasks are not there', async () => {
    const { admin, stranger } = place;
    const task = await admin.give({ title: 'secret of default' });
    const params = { id: task.id };
    for (const route of [routes.getTask, routes.cancelTask, routes.retryTask])
      await refused(stranger.call(route, { params }), 404, 'not_found');
    assert.equal((await stranger.fetch(`/api/agents/tasks/${task.id}/events`)).status, 404);
    await refused(stranger.give({ depends_on: [task.id] }), 400, 'invalid_request', 'depends_on');
    assert.equal((await stranger.call(routes.listTasks, { query: { q: 'secret of default' } })).total, 0);
    assert.equal((await stranger.call(routes.listJournal, { query: { task_id: task.id } })).total, 0);
    await refused(stranger.give({ agent_id: 'hasty' }), 400, 'unknown_agent', 'agent_id');
    assert.equal((await admin.task(task.id)).status, 'pending');
  });

  it('an id that is none is 400, and one of nothing 404', async () => {
    const { admin } = place;
    const about = Object.values(routes).filter(
      (route) => /\{id\}/.test(route.path) && /tasks|workflows|approvals|schedules/.test(route.path),
    );
    assert.ok(about.length >= 11);
    for (const { method, path, body } of about) {
      const to = (id: string) =>
        admin.fetch(path.replace('{id}', id), {
          method,
          ...(body !== undefined && {
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(path.includes('schedules') ? {} : { decision: 'approve' }),
          }),
        });
      for (const id of ['abc', '1', `${newId()}0`]) assert.equal((await to(id)).status, 400, `${method} ${path} ${id}`);
      assert.equal((await to(newId())).status, 404, `${method} ${path}`);
    }
  });

  it('every route of the contract is served, and described in the OpenAPI document', async () => {
    const { admin } = place;
    const { paths } = (await (await admin.fetch('/openapi.json')).json()) as {
      paths: Record<string, Record<string, { summary: string; responses: Record<string, unknown> }>>;
    };
    for (const route of Object.values(routes) as Route[]) {
      const operation = paths[route.path]?.[route.method.toLowerCase()];
      assert.equal(operation?.summary, route.summary, `${route.method} ${route.path}`);
      for (const status of Object.keys(route.responses))
        assert.ok(operation.responses[status], `${route.path} ${status}`);
    }
  });

  it('the journal and the memory events tell of a task, to its tenant', async () => {
    const { admin, hasty } = place;
    const task = await admin.give({ agent_id: hasty.slug, title: 'What is 5 + 5?' });
    await place.work();
    const query = { task_id: task.id };
    const { entries, total } = await admin.call(routes.listJournal, { query });
    assert.deepEqual(
      entries.map(({ type }) => type),
      ['task_failed', 'task_started', 'task_created'],
    );
    assert.equal(total, 3);
    const page = await admin.call(routes.listJournal, { query: { ...query, limit: 1, offset: 1 } });
    assert.deepEqual([page.entries.map(({ type }) => type), page.total], [['task_started'], 3]);
    const failed = await admin.call(routes.listJournal, {
      query: { agent_id: hasty.slug, trace_id: task.trace_id, type: 'task_failed' },
    });
    assert.deepEqual(failed.entries, [entries[0]]);
    const { events } = await admin.call(routes.listMemoryEvents, { query });
    assert.deepEqual(
      events.map(({ id, type }) => [id, type]),
      [[entries[0]!.id, 'task_failed']],
    );
    assert.match(events[0]!.content, /5 \+ 5/);
  });

  it('the stream of a task tells everything from its creation to its end, and goes on where a reader left', async () => {
    const { admin } = place;
    const task = await admin.give({ title: 'What is 2 * 2?' });
    const reading = Array.fromAsync(admin.client.followTask(task.id));
    await place.work();
    const events = await reading;
    assert.deepEqual(
      events.map(({ type }) => type),
      ['task_created', 'task_started', 'task_completed'],
    );
    assert.equal(events.at(-1)!.task!.status, 'completed');
    const rest = await Array.fromAsync(admin.client.followTask(task.id, { after: events[0]!.id }));
    assert.deepEqual(
      rest,
      events.slice(1).map((event) => ({ ...event, task: rest[0]!.task })),
    );
  });

  it('the stream of all tasks tells only of those that are asked for', async () => {
    const { admin, stranger, hasty } = place;
    const stop = new AbortController();
    const seen: TaskEvent[] = [];
    const opening = await admin.give({ run_at: '2100-01-01T00:00:00Z' });
    const [{ id: after }] = (await Array.fromAsync(takeOne(admin.client.followTask(opening.id)))) as [TaskEvent];
    const reading = (async () => {
      for await (const event of admin.client.followTasks({ after, agentId: hasty.slug, signal: stop.signal })) {
        seen.push(event);
        if (event.type === 'task_failed') stop.abort();
      }
    })().catch((error: unknown) => {
      if (!stop.signal.aborted) throw error;
    });
    await stranger.give();
    await admin.give();
    const task = await admin.give({ agent_id: hasty.slug });
    await place.work();
    await reading;
    assert.deepEqual(
      seen.map(({ type, entry }) => [type, entry.task_id]),
      ['task_created', 'task_started', 'task_failed'].map((type) => [type, task.id]),
    );
  });
});

async function* takeOne<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of items) {
    yield item;
    return;
  }
}
