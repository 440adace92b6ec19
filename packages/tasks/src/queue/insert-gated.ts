import type { Task, TaskInput } from '@reeve/contract';
import type { Database, Tx } from '@reeve/db';
import { invalidField } from '@reeve/kit';
import { refuseBusyKeys } from './insert-task.ts';
import { creationOf, newTask, type WorkflowPlace } from './new-task.ts';
import { queueTransaction } from './queue-transaction.ts';
import type { Requester } from './requester.ts';
import { schedulePending } from './schedule-pending.ts';
import { insertDependencies, updateNotifying } from './store/dependency.ts';
import { insertTasks } from './store/insert.ts';
import { lockTasks } from './store/lock.ts';
import { selectTasks } from './store/read.ts';
import { lockKeys } from './store/slot.ts';
import type { TaskHandler } from './task.ts';

/** The prefix of a task's fields in errors, by its index in the request. */
export type PathOf = (index: number) => string;
const IN_LIST: PathOf = (index) => `tasks.${index}.`;

interface GatedOptions {
  readonly places?: readonly WorkflowPlace[];
  /** Writes more in the same transaction. */
  readonly alongside?: (tx: Tx) => Promise<void>;
  readonly pathOf?: PathOf;
}

/**
 * Inserts tasks that depend on others or have a concurrency key, all or none. Throws `invalid_request` for a dependency that does not
 * exist or did not complete, `conflict` for a key in use.
 */
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

/** The dependencies of each task that have not ended, locked so that none ends unseen before the commit. */
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
