import type { Task, TaskInput } from '@reeve/contract';
import { mayPass, type Database } from '@reeve/db';
import { createBatcher } from '@reeve/kit';
import { createAgentNames, type CheckTask } from './agent-names.ts';
import { insertGated, type PathOf } from './insert-gated.ts';
import { addPlaced, insertFreely } from './insert-task.ts';
import { creationOf, newTask, taskOf } from './new-task.ts';
import { withPostCommitEffects } from './queue-transaction.ts';
import type { Requester } from './requester.ts';
import type { Creation, NewTask, Placed } from './store/insert.ts';
import type { TaskHandler } from './task.ts';

/** Puts tasks into the queue. */
export interface Enqueuer {
  /**
   * Adds one task. Calls that arrive during a commit share the next one. Throws `invalid_request` for a dependency that does not
   * exist, `conflict` for a key in use.
   */
  task(requester: Requester, input: TaskInput): Promise<Task>;
  /** Adds up to a thousand tasks, all or none. */
  batch(requester: Requester, inputs: readonly TaskInput[]): Promise<Task[]>;
}

const ALONE: PathOf = () => '';

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
      if (isGated(input)) return (await insertGated(database, handler, requester, [input], { pathOf: ALONE }))[0]!;
      const task = newTask(requester, input);
      return withPostCommitEffects(database, handler, async (effects) => {
        const placed = await insertOne({ task, creation: creationOf(requester, [task]) });
        addPlaced(effects, requester.tenantId, [placed]);
        return taskOf(task, placed);
      });
    },
    async batch(requester, given) {
      const inputs = await names.fillAll(requester.tenantId, given);
      if (inputs.some(isGated)) return insertGated(database, handler, requester, inputs);
      const tasks = inputs.map((input) => newTask(requester, input));
      return withPostCommitEffects(database, handler, async (effects) => {
        const placed = await insertFreely(database.queue, tasks, [creationOf(requester, tasks)]);
        addPlaced(effects, requester.tenantId, placed.values());
        return tasks.map((task) => taskOf(task, placed.get(task.id)!));
      });
    },
  };
}

function isGated({ depends_on, concurrency_key }: TaskInput): boolean {
  return depends_on.length > 0 || concurrency_key != null;
}
