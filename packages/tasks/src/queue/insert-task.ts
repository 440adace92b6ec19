import type { Task, TaskInput } from '@reeve/contract';
import type { Db, Tx } from '@reeve/db';
import { newId, ReeveError } from '@reeve/kit';
import { claimLimited } from '../limits/limit.ts';
import { claimedOf, creationOf, newTask, taskOf } from './new-task.ts';
import type { PostCommitEffects } from './post-commit-effects.ts';
import type { Requester } from './requester.ts';
import { schedulePending } from './schedule-pending.ts';
import { insertPlain, isPlain } from './store/insert-plain.ts';
import { insertTasks, type Creation, type NewTask, type Placed } from './store/insert.ts';
import { insertSlot, lockKeys, selectBusy, selectHolders } from './store/slot.ts';
import type { Claim, TaskHandler } from './task.ts';

/** An inserted task, with its maker's claim when the maker may work on it at once. */
export interface Inserted {
  readonly taskId: string;
  readonly claim: Claim | undefined;
  /** Its concurrency key had a free slot. */
  readonly isKeyFree: boolean;
}

/**
 * Inserts a task without dependencies in the caller's transaction. A `maker` that works on it at once leases it in the same
 * statement, and hands the claim to its worker after the commit. Without a claim the task waits: for any worker, a decision, its
 * concurrency key, or a limit. Throws `conflict` when its key is in use and its strategy is `reject`.
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

/** Inserts tasks without dependencies and keys; with the cheap statement when all are plain, as most are. */
export async function insertFreely(
  db: Db,
  tasks: readonly NewTask[],
  creations: readonly Creation[],
): Promise<Map<string, Placed>> {
  const createdAt = tasks.every(isPlain) ? await insertPlain(db, tasks, creations) : undefined;
  if (createdAt === undefined) return insertTasks(db, tasks, creations);
  return new Map(tasks.map(({ id }) => [id, { id, createdAt, epoch: null, place: 'ready' }]));
}

/** Adds the effects of new tasks, by where each waits. */
export function addPlaced(effects: PostCommitEffects, tenantId: string, placed: Iterable<Placed>): void {
  for (const { place } of placed) {
    effects.claimable ||= place === 'ready';
    effects.timed ||= place === 'timer';
  }
  effects.journals.add(tenantId);
}

/** Throws `conflict` when the key of a task whose strategy is `reject` is in use. */
export async function refuseBusyKeys(tx: Tx, tasks: readonly NewTask[]): Promise<void> {
  const users = new Map<string, string[]>();
  for (const { id, tenantId, concurrencyKey: key, concurrencyLimit, concurrencyStrategy } of tasks) {
    if (key === null) continue;
    const before = users.get(key) ?? (await selectBusy(tx, tenantId, key));
    if (concurrencyStrategy === 'reject' && before.length >= concurrencyLimit)
      throw new ReeveError('conflict', `concurrency_key ${key} is in use by task ${before[0]}`);
    users.set(key, [...before, id]);
  }
}
