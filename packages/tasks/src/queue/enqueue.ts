import type { Task, TaskInput } from '@reeve/contract';
import { mayPass, type Database, type Db, type Tx } from '@reeve/db';
import { createBatcher, invalidField, newId, ReeveError } from '@reeve/kit';
import type { PostCommitEffects } from './post-commit-effects.ts';
import { createAgentNames, type CheckTask } from './agent-names.ts';
import { schedulePending } from './schedule-pending.ts';
import { queueTransaction, withPostCommitEffects } from './queue-transaction.ts';
import { claimLimited } from '../limits/limit.ts';
import { insertPlain, isPlain } from './store/insert-plain.ts';
import { insertTasks, type Creation, type NewTask, type Placed } from './store/insert.ts';
import { lockTasks } from './store/lock.ts';
import { selectTasks } from './store/read.ts';
import { fromRow } from './store/row.ts';
import { insertSlot, lockKeys, selectBusy, selectHolders } from './store/slot.ts';
import { insertDependencies, updateNotifying } from './store/dependency.ts';
import type { Requester } from './requester.ts';
import type { Claim, ClaimedTask, TaskHandler } from './task.ts';

/** What a task may have besides what a caller can ask for. */
export interface TaskPlace {
  readonly id: string;
  readonly workflowId: string;
  readonly workflowKey: string;
  readonly runAnyway: boolean;
  readonly notifiesOnEnd: boolean;
}

/** Puts tasks into the queue. */
export interface Enqueuer {
  /** One task. Calls that come while another commits share the next commit. Throws `invalid_request` for a dependency that is not there, `conflict` for a key in use. */
  task(requester: Requester, input: TaskInput): Promise<Task>;
  /** Up to a thousand tasks, all or none. */
  batch(requester: Requester, inputs: readonly TaskInput[]): Promise<Task[]>;
}

/** What comes before the path of a task's field in errors: by the task's place in what was sent. */
type PathOf = (index: number) => string;
const ALONE: PathOf = () => '';
const IN_LIST: PathOf = (index) => `tasks.${index}.`;

/** Most single tasks that share a commit. */
const TOGETHER = 500;

export function createEnqueuer(database: Database, handler: TaskHandler, check: CheckTask): Enqueuer {
  const insertOne = createBatcher<{ task: NewTask; creation: Creation }, Placed>(
    async (items) => {
      const tasks = items.map(({ task }) => task);
      const creations = items.map(({ creation }) => creation);
      const placed = await insertFreely(database.queue, tasks, creations);
      return tasks.map(({ id }) => placed.get(id)!);
    },
    { limit: TOGETHER, together: mayPass },
  );

  const names = createAgentNames(database, check);

  return {
    async task(requester, given) {
      const input = await names.fill(requester.tenantId, given);
      if (needsPlacing(input)) return (await insertGated(database, handler, requester, [input], { pathOf: ALONE }))[0]!;
      const task = newTask(requester, input);
      return withPostCommitEffects(database, handler, async (effects) => {
        const placed = await insertOne({ task, creation: creationOf(requester, [task]) });
        addPlaced(effects, requester.tenantId, [placed]);
        return taskOf(task, placed);
      });
    },
    async batch(requester, given) {
      const inputs = await names.fillAll(requester.tenantId, given);
      if (inputs.some(needsPlacing)) return insertGated(database, handler, requester, inputs);
      const tasks = inputs.map((input) => newTask(requester, input));
      return withPostCommitEffects(database, handler, async (effects) => {
        const placed = await insertFreely(database.queue, tasks, [creationOf(requester, tasks)]);
        addPlaced(effects, requester.tenantId, placed.values());
        return tasks.map((task) => taskOf(task, placed.get(task.id)!));
      });
    },
  };
}

/** Inserts tasks without dependencies and keys; by the cheap way where they are all plain, which most are. */
async function insertFreely(
  db: Db,
  tasks: readonly NewTask[],
  creations: readonly Creation[],
): Promise<Map<string, Placed>> {
  const createdAt = tasks.every(isPlain) ? await insertPlain(db, tasks, creations) : undefined;
  if (createdAt === undefined) return insertTasks(db, tasks, creations);
  return new Map(tasks.map(({ id }) => [id, { id, createdAt, epoch: null, place: 'ready' }]));
}

/** A task that was inserted, and the claim under which its maker works on it, where it may at once. */
export interface Inserted {
  readonly taskId: string;
  readonly claim: Claim | undefined;
  /** Nobody was before it at its concurrency key. */
  readonly isKeyFree: boolean;
}

/**
 * Inserts a task without dependencies in the caller's transaction. For a `maker` that works on it at once it is never ready, but
 * leased from the start: the maker hands the claim to its worker once the transaction has committed. Without a claim the task
 * waits: for any worker, for a decision that its type's policy asks for, for its concurrency key, or because as many run as
 * may. Throws `conflict` for a key in use that is not waited for.
 */
export async function insertTask(
  tx: Tx,
  handler: TaskHandler,
  requester: Requester,
  input: TaskInput,
  maker: { readonly owner: string; readonly leaseMs: number } | undefined,
  effects: PostCommitEffects,
): Promise<Inserted> {
  const made = newTask(requester, input);
  const { tenantId, concurrencyKey: key } = made;
  if (key !== null) await lockKeys(tx, tenantId, [key]);
  await refuseBusyKeys(tx, [made]);
  const isFree = key === null || (await selectHolders(tx, tenantId, key)).length < made.concurrencyLimit;
  const leased = maker !== undefined && isFree ? { owner: maker.owner, leaseMs: maker.leaseMs } : {};
  const task = { ...made, ...leased, place: key === null };
  const placed = (await insertTasks(tx, [task], [creationOf(requester, [task])])).get(task.id)!;
  const isLimited = placed.place === 'limited' && maker !== undefined;
  const epoch = isLimited ? await claimLimited(tx, task, maker.owner, maker.leaseMs) : placed.epoch;
  if (key !== null) {
    if (isLimited || epoch !== null) await insertSlot(tx, task, key, true);
    else await schedulePending(tx, handler, [task.id], effects);
  }
  effects.claimable ||= epoch === null;
  effects.journals.add(tenantId);
  const claim = epoch === null ? undefined : { task: claimedOf(task), epoch, attempt: 1 };
  return { taskId: task.id, claim, isKeyFree: isFree };
}

/** Inserts a task for any worker, in the caller's transaction. It has no dependencies and no key. */
export async function insertQueued(
  tx: Tx,
  requester: Requester,
  input: TaskInput,
  effects: PostCommitEffects,
  id = newId(),
): Promise<Task> {
  const task = { ...newTask(requester, input), id };
  const placed = (await insertFreely(tx, [task], [creationOf(requester, [task])])).get(task.id)!;
  addPlaced(effects, requester.tenantId, [placed]);
  return taskOf(task, placed);
}

interface GatedOptions {
  readonly places?: readonly TaskPlace[];
  /** What is to be written in the same transaction. */
  readonly alongside?: (tx: Tx) => Promise<void>;
  readonly pathOf?: PathOf;
}

/** Inserts tasks that depend on others or have a key, all or none, each with its own place in a workflow where it has one. */
export async function insertGated(
  database: Database,
  handler: TaskHandler,
  requester: Requester,
  inputs: readonly TaskInput[],
  { places = [], alongside, pathOf = IN_LIST }: GatedOptions = {},
): Promise<Task[]> {
  const own = new Set(places.map(({ id }) => id));
  return queueTransaction(database, handler, requester.tenantId, async (tx, effects) => {
    effects.journals.add(requester.tenantId);
    await alongside?.(tx);
    await lockKeys(
      tx,
      requester.tenantId,
      inputs.flatMap(({ concurrency_key }) => concurrency_key ?? []),
    );
    const dependencies = await openDependencies(tx, requester.tenantId, inputs, own, pathOf);
    const rows = inputs.map((input, index) => ({ ...newTask(requester, input, places[index]), place: false }));
    await updateNotifying(
      tx,
      [...new Set(dependencies.flat())].filter((id) => !own.has(id)),
    );
    await insertTasks(tx, rows, [creationOf(requester, rows)]);
    await insertDependencies(
      tx,
      rows.flatMap(({ id, tenantId }, index) =>
        dependencies[index]!.map((dependsOn) => ({ tenantId, taskId: id, dependsOn })),
      ),
    );
    await refuseBusyKeys(tx, rows);
    await schedulePending(
      tx,
      handler,
      rows.filter((_, index) => dependencies[index]!.length === 0).map(({ id }) => id),
      effects,
    );
    const found = new Map(
      (
        await selectTasks(
          tx,
          rows.map(({ id }) => id),
        )
      ).map((task) => [task.id, task]),
    );
    return rows.map(({ id }) => found.get(id)!);
  });
}

function needsPlacing({ depends_on, concurrency_key }: TaskInput): boolean {
  return depends_on.length > 0 || concurrency_key != null;
}

function newTask(requester: Requester, input: TaskInput, place?: TaskPlace): NewTask {
  const key = input.concurrency_key ?? null;
  return {
    id: place?.id ?? newId(),
    tenantId: requester.tenantId,
    agentId: input.agent_id,
    taskType: input.task_type,
    priority: input.priority,
    title: input.title,
    description: input.description ?? null,
    payload: input.payload,
    runAt: input.run_at ?? null,
    dependsOn: [...new Set(input.depends_on)],
    maxAttempts: input.max_attempts,
    sessionId: input.session_id ?? null,
    traceId: requester.traceId,
    createdBy: requester.userId,
    workflowId: place?.workflowId ?? null,
    workflowKey: place?.workflowKey ?? null,
    runAnyway: place?.runAnyway ?? false,
    requiresApproval: input.requires_approval,
    concurrencyKey: key,
    concurrencyLimit: input.concurrency_limit,
    concurrencyStrategy: input.concurrency_strategy,
    notifiesOnEnd: key !== null || (place?.notifiesOnEnd ?? false),
    place: true,
    owner: null,
    leaseMs: null,
  };
}

function creationOf(requester: Requester, tasks: readonly NewTask[]): Creation {
  const [only] = tasks.length === 1 ? tasks : [];
  return {
    tenantId: requester.tenantId,
    actor: requester.userId,
    traceId: requester.traceId,
    taskId: only?.id ?? null,
    details: only ? { agent: only.agentId, type: only.taskType } : { tasks: tasks.map(({ id }) => id) },
  };
}

function claimedOf(task: NewTask): ClaimedTask {
  const { id, tenantId, agentId, title, description, payload, priority, maxAttempts, sessionId, traceId, createdBy } =
    task;
  return { id, tenantId, agentId, title, description, payload, priority, maxAttempts, sessionId, traceId, createdBy };
}

function taskOf(task: NewTask, { createdAt, place, epoch }: Placed): Task {
  return fromRow({
    id: task.id,
    tenant_id: task.tenantId,
    agent_id: task.agentId,
    task_type: task.taskType,
    status: 'pending',
    priority: task.priority,
    title: task.title,
    description: task.description,
    payload: task.payload,
    result: null,
    result_summary: null,
    error_message: null,
    error_code: null,
    attempts: 0,
    max_attempts: task.maxAttempts,
    run_at: task.runAt === null ? null : new Date(task.runAt),
    depends_on: [...task.dependsOn],
    parent_task_id: null,
    session_id: task.sessionId,
    trace_id: task.traceId,
    created_by_user_id: task.createdBy,
    created_at: createdAt,
    started_at: epoch === null ? null : createdAt,
    completed_at: null,
    updated_at: createdAt,
    workflow_id: task.workflowId,
    workflow_key: task.workflowKey,
    requires_approval: task.requiresApproval || place === 'approval',
    concurrency_key: task.concurrencyKey,
    lease_epoch: epoch,
    lease_attempt: epoch === null ? null : 1,
    waiting_reason: place === 'timer' ? 'schedule' : null,
    approval_status: place === 'approval' ? 'pending' : null,
  });
}

/** The effects of new tasks, by where they were put. */
function addPlaced(effects: PostCommitEffects, tenantId: string, placed: Iterable<Placed>): void {
  for (const { place } of placed) {
    effects.claimable ||= place === 'ready';
    effects.timed ||= place === 'timer';
  }
  effects.journals.add(tenantId);
}

/** Of each task the dependencies that have not ended; they stay locked, so that none ends unseen until the commit. */
async function openDependencies(
  tx: Tx,
  tenantId: string,
  inputs: readonly TaskInput[],
  own: ReadonlySet<string>,
  pathOf: PathOf,
): Promise<string[][]> {
  const asked = [...new Set(inputs.flatMap(({ depends_on }) => depends_on))].filter((id) => !own.has(id));
  const found = new Map(
    (await lockTasks(tx, asked)).filter((task) => task.tenantId === tenantId).map((task) => [task.id, task]),
  );
  return inputs.map(({ depends_on, payload }, index) => {
    if (depends_on.length > 0 && ('dependencies' in payload || 'dependency_errors' in payload))
      throw invalidField(
        `${pathOf(index)}payload`,
        'dependencies and dependency_errors are filled in by Reeve where a task depends on others',
      );
    return [...new Set(depends_on)].filter((id) => {
      if (own.has(id)) return true;
      const task = found.get(id);
      if (task === undefined) throw invalidField(`${pathOf(index)}depends_on`, `${id} is not a task`);
      if (task.status === 'failed' || task.status === 'cancelled')
        throw invalidField(`${pathOf(index)}depends_on`, `${id} is ${task.status}`);
      return task.status === 'pending';
    });
  });
}

/** Throws `conflict` for a task that would not wait for its key where that is in use. */
async function refuseBusyKeys(tx: Tx, tasks: readonly NewTask[]): Promise<void> {
  const users = new Map<string, string[]>();
  for (const { id, tenantId, concurrencyKey: key, concurrencyLimit, concurrencyStrategy } of tasks) {
    if (key === null) continue;
    const before = users.get(key) ?? (await selectBusy(tx, tenantId, key));
    if (concurrencyStrategy === 'reject' && before.length >= concurrencyLimit)
      throw new ReeveError('conflict', `concurrency_key ${key} is in use by task ${before[0]}`);
    users.set(key, [...before, id]);
  }
}
