/*
 * The queue as a few maps: what tables, locks, batches and notifications are to add up to. Each function is one thing that
 * can happen to the queue, and changes the model as the queue is to change. Time is `clock`, in seconds, and moves only
 * when a test says so. Priorities are to be unique, so that order never hangs on the millisecond.
 */

export type ModelKey = {
  readonly name: string;
  readonly limit: number;
  readonly strategy: 'queue' | 'reject' | 'cancel_running';
};

/** A task that was asked for. */
export interface ModelInput {
  readonly id: string;
  readonly tenant: string;
  readonly agent: string;
  readonly type: string;
  readonly priority: number;
  readonly maxAttempts: number;
  /** Seconds of the clock; null: at once. */
  runAt: number | null;
  readonly dependsOn: readonly string[];
  readonly runAnyway: boolean;
  readonly requiresApproval: boolean;
  readonly key: ModelKey | null;
}

/** Where a task is: in exactly one of these places. */
export type ModelPlace =
  | 'approval'
  | 'dependencies'
  | 'schedule'
  | 'retry'
  | 'concurrency'
  | 'ready'
  | 'lease'
  | 'ended';

export interface ModelTask extends ModelInput {
  readonly asks: boolean;
  status: 'pending' | 'completed' | 'failed' | 'cancelled';
  place: ModelPlace;
  attempts: number;
  lost: number;
  /** Dependencies that have not ended. */
  open: Set<string>;
  approval: 'none' | 'pending' | 'approved' | 'rejected' | 'withdrawn';
  approvalExpires: number;
  approvalDefault: 'approve' | 'reject';
  approvalNumber: number;
  dueAt: number;
  slot: 'none' | 'holds' | 'waits';
  /** Claimed one at a time, since its workers died. */
  quarantined: boolean;
  cancelRequested: boolean;
  leaseUntil: number;
  endings: number;
  /** Endings of which its handler was told. */
  told: number;
}

export interface ModelPolicy {
  readonly auto: boolean;
  readonly expiresAfter: number | null;
  readonly fallback: 'approve' | 'reject';
}

export interface QueueModel {
  clock: number;
  readonly tasks: Map<string, ModelTask>;
  /** By `tenant agent`; the agent is '' for the whole tenant. */
  readonly limits: Map<string, number>;
  /** By `tenant type`; the tenant is * for all. */
  readonly policies: Map<string, ModelPolicy>;
  /** Ended, and those that wait for it are still to be told. */
  readonly ended: Set<string>;
  /** In progress, and to be stopped. */
  readonly cancels: Set<string>;
  approvals: number;
}

/** What the queue refuses, by the reason that it gives. */
export type ModelAnswer = 'ok' | 'invalid_request' | 'conflict';

export const MODEL_LEASE_S = 150;
export const MODEL_RETRY_S = 70;
const WEEK_S = 7 * 24 * 3600;

export function createQueueModel(): QueueModel {
  return {
    clock: 0,
    tasks: new Map(),
    limits: new Map(),
    policies: new Map(),
    ended: new Set(),
    cancels: new Set(),
    approvals: 0,
  };
}

/** Puts tasks into the queue, all or none. */
export function modelEnqueue(model: QueueModel, inputs: readonly ModelInput[]): ModelAnswer {
  const own = new Set(inputs.map(({ id }) => id));
  for (const { tenant, dependsOn } of inputs)
    for (const id of dependsOn) {
      if (own.has(id)) continue;
      const found = model.tasks.get(id);
      if (found?.tenant !== tenant || found.status === 'failed' || found.status === 'cancelled')
        return 'invalid_request';
    }
  const together = new Map<string, number>();
  for (const { tenant, key } of inputs) {
    if (key === null) continue;
    const before = slots(model, tenant, key.name, 'holds').length + (together.get(key.name) ?? 0);
    if (key.strategy === 'reject' && before >= key.limit) return 'conflict';
    together.set(key.name, (together.get(key.name) ?? 0) + 1);
  }
  for (const input of inputs) {
    const policy = policyOf(model, input.tenant, input.type);
    const asks = input.requiresApproval || policy?.auto === false;
    const task: ModelTask = {
      ...input,
      asks,
      status: 'pending',
      place: 'dependencies',
      attempts: 0,
      lost: 0,
      open: new Set(input.dependsOn.filter((id) => own.has(id) || model.tasks.get(id)?.status === 'pending')),
      approval: 'none',
      approvalExpires: 0,
      approvalDefault: 'reject',
      approvalNumber: 0,
      dueAt: 0,
      slot: 'none',
      quarantined: false,
      cancelRequested: false,
      leaseUntil: 0,
      endings: 0,
      told: 0,
    };
    model.tasks.set(task.id, task);
    if (asks) ask(model, task);
  }
  place(
    model,
    inputs.map(({ id }) => model.tasks.get(id)!),
  );
  return 'ok';
}

/** Tasks that a worker may get next, the most urgent of each lane. */
export function modelClaimable(model: QueueModel): ModelTask[] {
  const ready = [...model.tasks.values()].filter((task) => task.place === 'ready' && roomFor(model, task));
  return ready.filter(
    (task) => !ready.some((other) => laneOf(other) === laneOf(task) && other.priority > task.priority),
  );
}

export function laneOf({ tenant, agent, quarantined }: Pick<ModelTask, 'tenant' | 'agent' | 'quarantined'>): string {
  return `${tenant} ${quarantined ? '~' : ''}${agent}`;
}

export function modelClaim(model: QueueModel, task: ModelTask): void {
  task.place = 'lease';
  task.leaseUntil = model.clock + MODEL_LEASE_S;
}

/** What becomes of a task in progress. */
export function modelSettle(
  model: QueueModel,
  task: ModelTask,
  how: 'completed' | 'unavailable' | 'invalid_request' | 'cancelled' | 'given back',
): void {
  if (how === 'given back') {
    if (task.cancelRequested) end(model, task, 'cancelled');
    else task.place = 'ready';
    return;
  }
  task.attempts += 1;
  if (how === 'unavailable' && task.attempts < task.maxAttempts) {
    if (task.cancelRequested) return end(model, task, 'cancelled');
    task.place = 'retry';
    task.dueAt = model.clock + MODEL_RETRY_S;
    freeSlot(model, task);
    return;
  }
  end(model, task, how === 'completed' || how === 'cancelled' ? how : 'failed');
}

/** Takes back what silent workers hold. */
export function modelSweep(model: QueueModel): void {
  for (const task of model.tasks.values()) {
    if (task.place !== 'lease' || task.leaseUntil > model.clock) continue;
    task.attempts += 1;
    task.lost += 1;
    if (task.cancelRequested) end(model, task, 'cancelled');
    else if (task.attempts >= task.maxAttempts) end(model, task, 'failed');
    else {
      task.place = 'ready';
      task.quarantined = isQuarantined(task);
    }
    modelRelease(model);
  }
}

/** Lets those go on whose time has come. */
export function modelPromote(model: QueueModel): void {
  const due = [...model.tasks.values()].filter(
    (task) => (task.place === 'schedule' || task.place === 'retry') && task.dueAt <= model.clock,
  );
  place(model, due, true);
}

export function modelCancel(model: QueueModel, task: ModelTask): ModelAnswer {
  return cancelPending(model, task) ? 'ok' : 'conflict';
}

export function modelRetry(model: QueueModel, task: ModelTask): ModelAnswer {
  if (task.status !== 'failed' && task.status !== 'cancelled') return 'conflict';
  const dependencies = task.dependsOn.map((id) => model.tasks.get(id)!);
  const stranded = dependencies.some(({ status }) => status === 'failed' || status === 'cancelled');
  if (stranded && !task.runAnyway) return 'conflict';
  const { key } = task;
  if (key?.strategy === 'reject') {
    const holders = slots(model, task.tenant, key.name, 'holds').filter((other) => other !== task);
    if (holders.length >= key.limit) return 'conflict';
  }
  Object.assign(task, { status: 'pending', attempts: 0, lost: 0, cancelRequested: false });
  if (task.asks && task.approval !== 'approved') ask(model, task);
  task.open = new Set(dependencies.filter(({ status }) => status === 'pending').map(({ id }) => id));
  task.runAt = null;
  place(model, [task]);
  return 'ok';
}

/** A decision by a person; one that comes too late carries out the default and is refused. */
export function modelDecide(model: QueueModel, task: ModelTask, decision: 'approve' | 'reject'): ModelAnswer {
  if (task.approval !== 'pending') return 'conflict';
  const expired = task.approvalExpires <= model.clock;
  decide(model, task, expired ? task.approvalDefault : decision);
  return expired ? 'conflict' : 'ok';
}

export function modelDecideOverdue(model: QueueModel): void {
  const overdue = [...model.tasks.values()]
    .filter(({ approval, approvalExpires }) => approval === 'pending' && approvalExpires <= model.clock)
    .toSorted((one, other) => one.approvalExpires - other.approvalExpires || one.approvalNumber - other.approvalNumber);
  for (const task of overdue) {
    if (task.approval === 'pending') decide(model, task, task.approvalDefault);
    modelRelease(model);
  }
}

/** Tells those that waited for tasks which ended, until nobody is left to be told. */
export function modelRelease(model: QueueModel): void {
  while (model.ended.size > 0) {
    const id = [...model.ended].toSorted()[0]!;
    model.ended.delete(id);
    const ended = model.tasks.get(id)!;
    if (ended.status === 'pending') continue;
    const waiting = inOrder([...model.tasks.values()].filter(({ open }) => open.has(id)));
    for (const task of waiting) task.open.delete(id);
    const stranded = waiting.filter(({ runAnyway }) => ended.status !== 'completed' && !runAnyway);
    for (const task of stranded) end(model, task, 'cancelled');
    place(model, waiting);
    freeSlot(model, ended);
  }
}

/** What a pending task waits for, as callers see it. */
export function modelWaitingFor({ place: at }: ModelTask): string | null {
  return at === 'ready' || at === 'lease' || at === 'ended' ? null : at;
}

function place(model: QueueModel, tasks: readonly ModelTask[], whateverTime = false): void {
  const keyed: ModelTask[] = [];
  for (const task of inOrder(tasks)) {
    if (task.status !== 'pending') continue;
    if (task.approval === 'pending') task.place = 'approval';
    else if (task.open.size > 0) task.place = 'dependencies';
    else if (!whateverTime && task.runAt !== null && task.runAt > model.clock) {
      task.place = 'schedule';
      task.dueAt = task.runAt;
    } else if (task.key !== null) keyed.push(task);
    else makeReady(task);
  }
  for (const task of keyed.toSorted((one, other) => one.key!.name.localeCompare(other.key!.name)))
    takeSlot(model, task, task.key!);
}

function makeReady(task: ModelTask): void {
  task.place = 'ready';
  task.quarantined = isQuarantined(task);
}

function takeSlot(model: QueueModel, task: ModelTask, key: ModelKey): void {
  const others = slots(model, task.tenant, key.name).filter((other) => other !== task);
  if (others.filter(({ slot }) => slot === 'holds').length < key.limit) {
    task.slot = 'holds';
    return makeReady(task);
  }
  if (key.strategy === 'reject' && task.attempts === 0) return end(model, task, 'failed');
  if (key.strategy === 'cancel_running')
    for (const other of others) if (other.id < task.id) cancelPending(model, other);
  task.slot = 'waits';
  task.place = 'concurrency';
}

function freeSlot(model: QueueModel, { tenant, slot, key, id }: ModelTask): void {
  if (slot === 'none') return;
  model.tasks.get(id)!.slot = 'none';
  let holders = slots(model, tenant, key!.name, 'holds').length;
  const waiting = slots(model, tenant, key!.name, 'waits').toSorted((one, other) => other.priority - one.priority);
  for (const task of waiting) {
    if (task.status !== 'pending') continue;
    if (holders >= task.key!.limit) return;
    holders += 1;
    task.slot = 'holds';
    makeReady(task);
  }
}

function slots(model: QueueModel, tenant: string, key: string, slot?: 'holds' | 'waits'): ModelTask[] {
  return [...model.tasks.values()].filter(
    (task) =>
      task.tenant === tenant && task.key?.name === key && task.slot !== 'none' && (slot ?? task.slot) === task.slot,
  );
}

function cancelPending(model: QueueModel, task: ModelTask): boolean {
  if (task.status !== 'pending') return false;
  if (task.place !== 'lease') {
    end(model, task, 'cancelled');
    return true;
  }
  task.cancelRequested = true;
  model.cancels.add(task.id);
  return true;
}

function end(model: QueueModel, task: ModelTask, status: 'completed' | 'failed' | 'cancelled'): void {
  task.status = status;
  task.place = 'ended';
  task.open.clear();
  if (task.approval === 'pending') task.approval = 'withdrawn';
  task.endings += 1;
  if (status !== 'completed') task.told += 1;
  model.ended.add(task.id);
}

function ask(model: QueueModel, task: ModelTask): void {
  const policy = policyOf(model, task.tenant, task.type);
  task.approval = 'pending';
  task.approvalExpires = model.clock + (policy?.expiresAfter ?? WEEK_S);
  task.approvalDefault = policy?.fallback ?? 'reject';
  task.approvalNumber = model.approvals++;
}

function decide(model: QueueModel, task: ModelTask, decision: 'approve' | 'reject'): void {
  task.approval = decision === 'approve' ? 'approved' : 'rejected';
  if (decision === 'approve') place(model, [task]);
  else end(model, task, 'failed');
}

function policyOf(model: QueueModel, tenant: string, type: string): ModelPolicy | undefined {
  return model.policies.get(`${tenant} ${type}`) ?? model.policies.get(`* ${type}`);
}

function roomFor(model: QueueModel, { tenant, agent }: ModelTask): boolean {
  const leased = [...model.tasks.values()].filter((task) => task.place === 'lease' && task.tenant === tenant);
  return (
    leased.length < (model.limits.get(`${tenant} `) ?? Infinity) &&
    leased.filter((task) => task.agent === agent).length < (model.limits.get(`${tenant} ${agent}`) ?? Infinity)
  );
}

function isQuarantined({ lost, maxAttempts }: ModelTask): boolean {
  return lost > 0 && lost >= Math.min(2, maxAttempts - 1);
}

function inOrder(tasks: readonly ModelTask[]): ModelTask[] {
  return tasks.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}
