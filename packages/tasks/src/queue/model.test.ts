// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TaskInput, type Task } from '@reeve/contract';
import type { Database } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import {
  createQueueModel,
  laneOf,
  modelCancel,
  modelClaim,
  modelClaimable,
  modelDecide,
  modelDecideOverdue,
  modelEnqueue,
  modelPromote,
  modelRelease,
  modelRetry,
  modelSettle,
  modelSweep,
  modelWaitingFor,
  MODEL_LEASE_S,
  MODEL_RETRY_S,
  openTestDatabase,
  passTime,
  type ModelInput,
  type ModelKey,
  type ModelTask,
  type QueueModel,
} from '@reeve/testing';
import { cases } from '@reeve/testing/cases';
import fc from 'fast-check';
import { sql } from 'kysely';
import { decideOverdue, decideTask } from '../approvals/approval.ts';
import { cancelTask, retryTask } from './change-task.ts';
import { createEnqueuer } from './enqueue.ts';
import { setLimit } from '../limits/limit.ts';
import { setPolicy } from '../approvals/policy.ts';
import { countTasks, countWaiting, selectTasks } from './store/read.ts';
import { promoteDue } from '../worker/promote.ts';
import { sweepLeases } from '../worker/sweep.ts';
import type { Claim, Outcome, TaskHandler } from './task.ts';
import { startWorker, type Worker } from '../worker/worker.ts';
import { createWorkflow } from '../workflows/workflow.ts';

/*
 * Random histories of the queue on a real database, beside the model of it (packages/testing/src/queue-model.ts). After every
 * command each task must be where the model says, and nowhere else, and what readers are told of it must be true. A worker's
 * handler does nothing until a later command says how its attempt ends; a lease that was taken away leaves such an attempt
 * behind, whose end must then change nothing. `npm run test:deep` tries 5,000 histories.
 */
const TENANTS = ['default', 'other'] as const;
const AGENTS = ['ada', 'bob'] as const;
const TYPES = ['query', 'deploy'] as const;
const KEYS: Readonly<Record<string, ModelKey>> = {
  two: { name: 'two', limit: 2, strategy: 'queue' },
  latest: { name: 'latest', limit: 1, strategy: 'cancel_running' },
  once: { name: 'once', limit: 1, strategy: 'reject' },
  queued: { name: 'once', limit: 1, strategy: 'queue' },
};

/** An attempt that has begun and whose end is still to be said. */
interface Attempt {
  readonly claim: Claim;
  readonly worker: number;
  readonly signal: AbortSignal;
  end(how: Outcome | ReeveError): void;
  done: Promise<unknown>;
}

interface World {
  readonly database: Database;
  readonly workers: Worker[];
  readonly attempts: Attempt[];
  /** Endings that the handler was told of, by task. */
  readonly told: Map<string, number>;
  /** Resolved when the next attempt begins. */
  begun: PromiseWithResolvers<Attempt>;
  made: number;
  readonly handler: TaskHandler;
}

type Spec = {
  readonly agent: number;
  readonly type: number;
  readonly key: string | null;
  readonly minutes: number | null;
  readonly dependsOn: readonly number[];
  readonly requiresApproval: boolean;
  readonly maxAttempts: number;
};

describe('the queue against its model', { timeout: 900_000 }, () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  it('agrees with it after every command of random histories', async (context) => {
    let commands = 0;
    const counted = await fc.check(
      fc.asyncProperty(histories(), async (history) => {
        await clear(database);
        const world = openWorld(database);
        try {
          await fc.asyncModelRun(() => ({ model: startModel(), real: world }), history);
        } finally {
          await close(world);
        }
        commands += [...history].length;
      }),
      { ...cases(5_000, 100), endOnFailure: true },
    );
    context.diagnostic(`${counted.numRuns} histories, ${commands} commands`);
    if (counted.failed) throw new Error(fc.defaultReportMessage(counted), { cause: counted.errorInstance });
  });
});

function startModel(): QueueModel {
  const model = createQueueModel();
  model.limits.set(`${TENANTS[0]} `, 1_000);
  return model;
}

type Step = fc.AsyncCommand<QueueModel, World>;

/** A command that brings the queue and its model along, and then compares them. */
function step(
  label: string,
  can: (model: QueueModel) => boolean,
  act: (model: QueueModel, real: World) => Promise<void>,
): Step {
  return {
    check: can,
    async run(model, real) {
      await act(model, real);
      await settleCancels(model, real);
      await compare(model, real, label);
    },
    toString: () => label,
  };
}

function histories(): fc.Arbitrary<Iterable<Step>> {
  const index = fc.nat(7);
  const tenant = fc.nat(TENANTS.length - 1);
  const spec: fc.Arbitrary<Spec> = fc.record({
    agent: fc.nat(1),
    type: fc.nat(1),
    key: fc.option(fc.constantFrom(...Object.keys(KEYS)), { freq: 2 }),
    minutes: fc.option(fc.integer({ min: 1, max: 4 }), { freq: 1 }),
    dependsOn: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(index, { maxLength: 2 }) },
    ),
    requiresApproval: fc.nat(5).map((n) => n === 0),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
  });
  const any = [
    fc.tuple(tenant, spec).map(([t, one]) => enqueueStep(t, one)),
    fc.tuple(tenant, spec).map(([t, one]) => enqueueStep(t, one)),
    fc.tuple(tenant, fc.array(spec, { minLength: 2, maxLength: 3 })).map(([t, all]) => batchStep(t, all)),
    fc
      .tuple(tenant, fc.array(spec, { minLength: 2, maxLength: 4 }), fc.boolean())
      .map(([t, all, runAnyway]) => workflowStep(t, all, runAnyway)),
    fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 3 })).map(([worker, count]) => claimStep(worker, count)),
    fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 3 })).map(([worker, count]) => claimStep(worker, count)),
    fc.tuple(index, fc.constantFrom('completed', 'unavailable', 'invalid_request')).map(([i, how]) => endStep(i, how)),
    fc.tuple(index, fc.constantFrom('completed', 'unavailable', 'invalid_request')).map(([i, how]) => endStep(i, how)),
    fc.nat(1).map(giveBackStep),
    fc.integer({ min: 1, max: 3 }).map((times) => passStep(times * 100)),
    fc.constantFrom<Step>(sweepStep(), promoteStep(), overdueStep()),
    index.map(cancelStep),
    index.map(retryStep),
    fc.tuple(index, fc.constantFrom('approve', 'reject')).map(([i, decision]) => decideStep(i, decision)),
    fc
      .tuple(
        fc.constantFrom(...TENANTS, '*'),
        fc.nat(1),
        fc.boolean(),
        fc.option(fc.constantFrom(50, 250)),
        fc.constantFrom('approve', 'reject'),
      )
      .map(([t, type, auto, expires, fallback]) => policyStep(t, TYPES[type]!, auto, expires, fallback)),
    fc.tuple(fc.option(fc.nat(1)), fc.option(fc.nat(2), { freq: 3 })).map(([agent, most]) => limitStep(agent, most)),
  ];
  return fc.commands(any, { maxCommands: 14, size: '+1' });
}

function enqueueStep(tenant: number, spec: Spec): Step {
  return step(
    `enqueue ${TENANTS[tenant]} ${JSON.stringify(spec)}`,
    () => true,
    async (model, real) => {
      const [input, fields] = inputOf(model, real, tenant, spec);
      await enqueueAs(model, real, [input], async (enqueue) => [
        await enqueue.task(requesterOf(tenant), TaskInput.parse(fields)),
      ]);
    },
  );
}

function batchStep(tenant: number, specs: readonly Spec[]): Step {
  return step(
    `batch ${TENANTS[tenant]} ${JSON.stringify(specs)}`,
    () => true,
    async (model, real) => {
      const inputs = specs.map((spec) => inputOf(model, real, tenant, spec));
      const parsed = inputs.map(([, fields]) => TaskInput.parse(fields));
      await enqueueAs(
        model,
        real,
        inputs.map(([input]) => input),
        (enqueue) => enqueue.batch(requesterOf(tenant), parsed),
      );
    },
  );
}

/** Each task depends on some of those before it. */
function workflowStep(tenant: number, specs: readonly Spec[], runAnyway: boolean): Step {
  return step(
    `workflow ${TENANTS[tenant]} ${runAnyway} ${JSON.stringify(specs)}`,
    () => true,
    async (model, real) => {
      const parts = specs.map((spec, position) => {
        const edges = [...new Set(spec.dependsOn.map((n) => n % (position + 1)))].filter((n) => n !== position);
        return { edges, made: inputOf(model, real, tenant, { ...spec, dependsOn: [] }) };
      });
      const answer = await answerOf(() =>
        createWorkflow(real.database, real.handler, check, requesterOf(tenant), {
          title: 'a workflow',
          on_failure: runAnyway ? 'run_anyway' : 'cancel_dependents',
          tasks: parts.map(({ edges, made: [, fields] }, position) => ({
            ...TaskInput.parse(fields),
            key: `k${position}`,
            depends_on: edges.map((edge) => `k${edge}`),
          })),
        }),
      );
      const ids = typeof answer === 'string' ? parts.map((_, n) => `~${n}`) : answer.tasks.map(({ id }) => id);
      const inputs = parts.map(({ edges, made: [input] }, position) => ({
        ...input,
        id: ids[position]!,
        runAnyway,
        dependsOn: edges.map((edge) => ids[edge]!),
      }));
      assert.equal(typeof answer === 'string' ? answer : 'ok', modelEnqueue(model, inputs));
      modelRelease(model);
    },
  );
}

function claimStep(worker: number, count: number): Step {
  return step(
    `claim ${count} by ${worker}`,
    () => true,
    async (model, real) => {
      for (let n = 0; n < count; n++) {
        modelSweep(model);
        modelPromote(model);
        modelRelease(model);
        const able = modelClaimable(model);
        const attempt = await begin(real, worker);
        if (attempt === undefined)
          return assert.deepEqual(
            able.map(({ id }) => id),
            [],
            'nothing was claimed',
          );
        const task = model.tasks.get(attempt.claim.task.id);
        assert.ok(
          able.includes(task!),
          `claimed ${describeTask(task)} where there were ${able.map(describeTask).join(', ')}`,
        );
        assert.equal(attempt.claim.attempt, task!.attempts + 1);
        modelClaim(model, task!);
        await forgetLost(real);
      }
    },
  );
}

/** Claims one task; undefined where there is none. */
async function begin(real: World, worker: number): Promise<Attempt | undefined> {
  real.begun = Promise.withResolvers();
  const done = real.workers[worker]!.runOnce(1);
  const attempt = await Promise.race([real.begun.promise, done.then(() => undefined)]);
  if (attempt === undefined) return undefined;
  Object.assign(attempt, { worker, done: done.finally(() => real.attempts.splice(real.attempts.indexOf(attempt), 1)) });
  return attempt;
}

function endStep(index: number, how: 'completed' | 'unavailable' | 'invalid_request'): Step {
  return step(
    `${how} ${index}`,
    (model) => [...model.tasks.values()].some(({ place }) => place === 'lease'),
    async (model, real) => {
      const attempt = real.attempts[index % Math.max(1, real.attempts.length)];
      if (attempt === undefined) return;
      const { claim } = attempt;
      const holds = await holdsLease(real, claim);
      attempt.end(
        how === 'completed'
          ? { status: 'completed', result: { by: claim.epoch }, summary: 'done' }
          : new ReeveError(how, 'it went wrong', how === 'unavailable' ? { retryAfterMs: MODEL_RETRY_S * 1000 } : {}),
      );
      await attempt.done;
      if (holds) modelSettle(model, model.tasks.get(claim.task.id)!, how);
      modelRelease(model);
    },
  );
}

function giveBackStep(worker: number): Step {
  return step(
    `worker ${worker} stops`,
    (model) => [...model.tasks.values()].some(({ place }) => place === 'lease'),
    async (model, real) => {
      for (const attempt of real.attempts.filter((one) => one.worker === worker))
        if (await holdsLease(real, attempt.claim))
          modelSettle(model, model.tasks.get(attempt.claim.task.id)!, 'given back');
      modelRelease(model);
      await real.workers[worker]![Symbol.asyncDispose]();
      real.workers[worker] = openWorker(real.database, real.handler, worker);
      await forgetLost(real);
    },
  );
}

function passStep(seconds: number): Step {
  return step(
    `${seconds} s pass`,
    (model) => model.tasks.size > 0,
    async (model, real) => {
      model.clock += seconds;
      await passTime(real.database, seconds * 1000);
      await sql`update tasks set run_at = run_at - ${seconds} * interval '1 s' where run_at is not null`.execute(
        real.database.db,
      );
    },
  );
}

const someTime = (model: QueueModel) => model.clock > 0;

function sweepStep(): Step {
  return step('sweep', someTime, async (model, real) => {
    modelSweep(model);
    await sweepLeases(real.database, real.handler, silentLog);
  });
}

function promoteStep(): Step {
  return step('promote', someTime, async (model, real) => {
    modelPromote(model);
    modelRelease(model);
    await promoteDue(real.database, real.handler, silentLog);
  });
}

function overdueStep(): Step {
  return step('decide what is overdue', someTime, async (model, real) => {
    modelDecideOverdue(model);
    await decideOverdue(real.database, real.handler, silentLog);
  });
}

function cancelStep(index: number): Step {
  return onTask(`cancel ${index}`, index, (model, real, task) => ({
    expected: modelCancel(model, task),
    call: () => cancelTask(real.database, real.handler, requesterFor(task), task.id),
  }));
}

function retryStep(index: number): Step {
  return onTask(`retry ${index}`, index, (model, real, task) => ({
    expected: modelRetry(model, task),
    call: () => retryTask(real.database, real.handler, requesterFor(task), task.id),
  }));
}

function decideStep(index: number, decision: 'approve' | 'reject'): Step {
  return onTask(`${decision} ${index}`, index, (model, real, task) => ({
    expected: modelDecide(model, task, decision),
    call: () => decideTask(real.database, real.handler, requesterFor(task), task.id, decision, 'because'),
  }));
}

function onTask(
  label: string,
  index: number,
  prepare: (model: QueueModel, real: World, task: ModelTask) => { expected: string; call: () => Promise<unknown> },
): Step {
  return step(
    label,
    (model) => model.tasks.size > 0,
    async (model, real) => {
      const tasks = [...model.tasks.values()];
      const { expected, call } = prepare(model, real, tasks[index % tasks.length]!);
      modelRelease(model);
      const answer = await answerOf(call);
      assert.equal(typeof answer === 'string' ? answer : 'ok', expected, label);
    },
  );
}

function policyStep(
  tenant: string,
  type: string,
  auto: boolean,
  expires: number | null,
  fallback: 'approve' | 'reject',
): Step {
  return step(
    `policy ${tenant} ${type} ${auto ? 'auto' : 'asks'} ${expires} ${fallback}`,
    () => true,
    async (model, real) => {
      model.policies.set(`${tenant} ${type}`, { auto, expiresAfter: expires, fallback });
      await setPolicy(real.database, requesterOf(0), {
        task_type: type,
        auto_execute: auto,
        tenant: tenant === '*' ? null : tenant,
        expires_after_s: expires,
        default_decision: fallback,
      });
    },
  );
}

function limitStep(agent: number | null, most: number | null): Step {
  return step(
    `limit ${agent === null ? 'tenant' : AGENTS[agent]} to ${most}`,
    () => true,
    async (model, real) => {
      const agentId = agent === null ? null : AGENTS[agent]!;
      // The tenant keeps a limit, since a worker may go without its first one for a second.
      const max = agentId === null ? (most ?? 1_000) : most;
      if (max === null) model.limits.delete(`${TENANTS[0]} ${agentId}`);
      else model.limits.set(`${TENANTS[0]} ${agentId ?? ''}`, max);
      await setLimit(real.database, requesterOf(0), agentId, max);
    },
  );
}

/** Waits for attempts that were asked to stop, and ends their tasks in the model. */
async function settleCancels(model: QueueModel, real: World): Promise<void> {
  while (model.cancels.size > 0) {
    const ids = [...model.cancels];
    model.cancels.clear();
    for (const id of ids) {
      for (const attempt of real.attempts.filter(({ claim }) => claim.task.id === id)) await attempt.done;
      const task = model.tasks.get(id)!;
      if (task.place === 'lease') modelSettle(model, task, 'cancelled');
      modelRelease(model);
    }
  }
  await forgetLost(real);
}

/** Drops attempts that were told to stop once they have. */
async function forgetLost(real: World): Promise<void> {
  for (const attempt of real.attempts.filter(({ signal }) => signal.aborted)) await attempt.done;
}

async function compare(model: QueueModel, real: World, label: string): Promise<void> {
  const { db } = real.database;
  const rows = await selectPlaces(real.database);
  const expected = [...model.tasks.values()].map((task) => ({
    id: task.id,
    status: task.status,
    attempts: task.attempts,
    lease: task.place === 'lease',
    lane: task.place === 'ready' ? laneOf(task).split(' ')[1]! : null,
    timer: task.place === 'schedule' || task.place === 'retry' ? task.place : null,
    open: task.status === 'pending' ? [...task.open].toSorted() : [],
    approvals_pending: task.approval === 'pending' ? 1 : 0,
    slot: task.slot,
    told_of: false,
    endings: task.endings,
  }));
  assert.deepEqual(
    rows.tasks,
    expected.toSorted((one, other) => (one.id < other.id ? -1 : 1)),
    label,
  );
  assert.equal(rows.strays, 0, `${label}: rows of tasks that are not there`);
  for (const { key, holds, most } of rows.keys) assert.ok(holds <= most, `${label}: ${key} is held ${holds} times`);
  for (const task of model.tasks.values())
    assert.equal(real.told.get(task.id) ?? 0, task.told, `${label}: endings that the handler was told of`);
  await compareShown(model, await selectTasks(db, [...model.tasks.keys()]), label);
  await compareCounts(model, real, label);
}

async function compareShown(model: QueueModel, shown: readonly Task[], label: string): Promise<void> {
  for (const task of shown) {
    const own = model.tasks.get(task.id)!;
    assert.deepEqual(
      [task.status, task.waiting_for, task.attempts],
      [
        own.place === 'lease' ? 'in_progress' : own.status,
        modelWaitingFor(own),
        own.attempts + (own.place === 'lease' ? 1 : 0),
      ],
      `${label}: ${describeTask(own)} as it is shown`,
    );
    assert.equal(task.approved_by_user_id !== null, own.approval === 'approved', label);
    assert.equal(task.rejected_by_user_id !== null, own.approval === 'rejected', label);
    if (own.status === 'completed') assert.ok(task.result !== null, label);
    if (own.status === 'failed' || own.status === 'cancelled') assert.ok(task.error_message && task.error_code, label);
  }
}

async function compareCounts(model: QueueModel, { database }: World, label: string): Promise<void> {
  for (const tenant of TENANTS) {
    const own = [...model.tasks.values()].filter((task) => task.tenant === tenant);
    if (own.length === 0) continue;
    const counted = await countTasks(database.db, tenant);
    const sums = (names: readonly string[]) => {
      const totals: Record<string, number> = {};
      for (const name of names) totals[name] = (totals[name] ?? 0) + 1;
      return totals;
    };
    assert.deepEqual(
      Object.fromEntries(
        counted.map(({ status, agentId, taskType, count }) => [`${status} ${agentId} ${taskType}`, count]),
      ),
      sums(own.map((task) => `${task.place === 'lease' ? 'in_progress' : task.status} ${task.agent} ${task.type}`)),
      `${label}: counts`,
    );
    assert.deepEqual(
      await countWaiting(database.db, tenant),
      sums(own.flatMap((task) => modelWaitingFor(task) ?? [])),
      `${label}: counts of what is waited for`,
    );
  }
}

interface Places {
  tasks: unknown[];
  strays: number;
  keys: { key: string; holds: number; most: number }[];
}

/** Where every task is, in one look. */
async function selectPlaces({ db }: Database): Promise<Places> {
  const { rows } = await sql<{ places: Places }>`
    select jsonb_build_object(
      'tasks', coalesce((select jsonb_agg(jsonb_build_object(
        'id', t.id, 'status', t.status, 'attempts', t.attempts,
        'lease', l.task_id is not null, 'lane', case when r.quarantined then '~' else '' end || r.agent_id, 'timer', i.reason,
        'open', array(select depends_on from task_dependencies d where d.task_id = t.id order by 1),
        'approvals_pending', (select count(*) from approvals a where a.task_id = t.id and a.status = 'pending'),
        'slot', case s.holds when true then 'holds' when false then 'waits' else 'none' end,
        'told_of', e.task_id is not null,
        'endings', (select count(*) from journal j where j.task_id = t.id and j.type in ('task_completed', 'task_failed', 'task_cancelled'))
      ) order by t.id)
      from tasks t left join leases l on l.task_id = t.id left join ready_tasks r on r.task_id = t.id left join waiting_tasks i on i.task_id = t.id
      left join concurrency_slots s on s.task_id = t.id left join task_completion_outbox e on e.task_id = t.id), '[]'),
      'strays', (select count(*) from (
        select task_id from leases union all select task_id from ready_tasks union all select task_id from waiting_tasks
        union all select task_id from task_dependencies union all select task_id from concurrency_slots union all select task_id from task_completion_outbox
      ) p where not exists (select from tasks t where t.id = p.task_id)),
      'keys', coalesce((select jsonb_agg(k) from (
        select s.key, count(*) filter (where s.holds) as holds, max(t.concurrency_limit) as most
        from concurrency_slots s join tasks t on t.id = s.task_id group by s.tenant_id, s.key) k), '[]')
    ) as places`.execute(db);
  return rows[0]!.places;
}

async function enqueueAs(
  model: QueueModel,
  real: World,
  inputs: readonly ModelInput[],
  call: (enqueue: ReturnType<typeof createEnqueuer>) => Promise<Task[]>,
): Promise<void> {
  const answer = await answerOf(() => call(createEnqueuer(real.database, real.handler, check)));
  const made = inputs.map((input, n) => ({ ...input, id: typeof answer === 'string' ? `~${n}` : answer[n]!.id }));
  assert.equal(typeof answer === 'string' ? answer : 'ok', modelEnqueue(model, made));
  if (typeof answer !== 'string')
    for (const task of answer)
      assert.equal(task.waiting_for, modelWaitingFor(model.tasks.get(task.id)!), 'as it is answered');
  modelRelease(model);
}

/** What a call answered, or the reason why it was refused. */
async function answerOf<T>(call: () => Promise<T>): Promise<T | string> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ReeveError) return error.reason;
    throw error;
  }
}

function inputOf(model: QueueModel, real: World, tenant: number, spec: Spec): [ModelInput, Record<string, unknown>] {
  const number = real.made++;
  const priority = ((number * 37) % 201) - 100;
  const known = [...model.tasks.keys()];
  const dependsOn = [...new Set(known.length === 0 ? [] : spec.dependsOn.map((n) => known[n % known.length]!))];
  const key = spec.key === null ? null : KEYS[spec.key]!;
  const runAt = spec.minutes === null ? null : model.clock + spec.minutes * 60;
  const input = {
    id: '',
    tenant: TENANTS[tenant]!,
    agent: AGENTS[spec.agent]!,
    type: TYPES[spec.type]!,
    priority,
    maxAttempts: spec.maxAttempts,
    runAt,
    dependsOn,
    runAnyway: false,
    requiresApproval: spec.requiresApproval,
    key,
  };
  const fields = {
    agent_id: input.agent,
    task_type: input.type,
    title: `task ${number}`,
    priority,
    max_attempts: spec.maxAttempts,
    depends_on: dependsOn,
    requires_approval: spec.requiresApproval,
    ...(spec.minutes !== null && { run_at: new Date(Date.now() + spec.minutes * 60_000).toISOString() }),
    ...(key && { concurrency_key: key.name, concurrency_limit: key.limit, concurrency_strategy: key.strategy }),
  };
  return [input, fields];
}

function openWorld(database: Database): World {
  const attempts: Attempt[] = [];
  const told = new Map<string, number>();
  const world: World = {
    database,
    attempts,
    told,
    workers: [],
    begun: Promise.withResolvers<Attempt>(),
    made: 0,
    handler: {
      run: (claim, signal) =>
        new Promise((resolve, reject) => {
          const attempt: Attempt = {
            claim,
            signal,
            worker: 0,
            done: Promise.resolve(),
            end(how) {
              if (how instanceof ReeveError) reject(how);
              else resolve(how);
            },
          };
          signal.addEventListener('abort', () => attempt.end(signal.reason as ReeveError), { once: true });
          attempts.push(attempt);
          world.begun.resolve(attempt);
        }),
      ended: async (_, task) => void told.set(task.id, (told.get(task.id) ?? 0) + 1),
    },
  };
  world.workers.push(openWorker(database, world.handler, 0), openWorker(database, world.handler, 1));
  return world;
}

function openWorker(database: Database, handler: TaskHandler, number: number): Worker {
  const leaseMs = MODEL_LEASE_S * 1000;
  return startWorker({ database, handler, owner: `w${number}`, concurrency: 0, leaseMs, log: silentLog, graceMs: 0 });
}

async function close({ workers }: World): Promise<void> {
  for (const worker of workers) await worker[Symbol.asyncDispose]();
}

async function holdsLease({ database }: World, claim: Claim): Promise<boolean> {
  const lease = await database.db
    .selectFrom('leases')
    .select('epoch')
    .where('task_id', '=', claim.task.id)
    .executeTakeFirst();
  return lease?.epoch === claim.epoch;
}

async function clear({ db }: Database): Promise<void> {
  await sql`with a as (delete from leases), b as (delete from ready_tasks), c as (delete from waiting_tasks), d as (delete from task_dependencies),
    e as (delete from concurrency_slots), f as (delete from task_completion_outbox), g as (delete from approvals), h as (delete from journal),
    i as (delete from concurrency_limits), j as (delete from task_policies), k as (delete from workflows), l as (delete from audit)
    delete from tasks`.execute(db);
  await sql`delete from task_counts`.execute(db);
  await sql`insert into concurrency_limits values (${TENANTS[0]}, '', 1000) on conflict do nothing`.execute(db);
}

const check = async (_: unknown, __: string, agentId: string) => agentId;

function requesterOf(tenant: number) {
  return { tenantId: TENANTS[tenant]!, userId: 'ada', traceId: 'trace-1' };
}

function requesterFor(task: ModelTask) {
  return { tenantId: task.tenant, userId: 'ada', traceId: 'trace-1' };
}

function describeTask(task: ModelTask | undefined): string {
  return task === undefined
    ? 'a task that is not known'
    : `${task.id} (${laneOf(task)} ${task.priority} ${task.place})`;
}
