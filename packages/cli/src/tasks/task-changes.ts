import type { Task } from '@reeve/contract';
import { connect, type Connection } from '../connect.ts';
import { EXIT, failureOf } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { note, printable, printJson, printText, wantsJson, type OutputOptions } from '../output.ts';
import { shownStatus } from './task-view.ts';

interface Failed {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

/** Calls made at the same time. */
const TOGETHER = 4;

/**
 * Makes the same change to each of these tasks, as many as can be, and tells of each: what became of it on stdout, what went
 * wrong on stderr. Answers 3 where some failed, and where all did what their failure means: 1 if they differ.
 */
export async function changeTasks(
  io: CommandIo,
  verb: string,
  ids: readonly string[],
  change: (client: Connection['client'], id: string) => Promise<{ task: Task }>,
  options: OutputOptions,
): Promise<number> {
  await using connection = await connect(io, `tasks ${verb}`);
  const tasks: Task[] = [];
  const failed: Failed[] = [];
  const exits = new Set<number>();
  const queue = [...new Set(ids)];
  const isOne = queue.length === 1;

  async function work(): Promise<void> {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      try {
        const { task } = await change(connection.client, id);
        tasks.push(task);
        if (!wantsJson(io, options)) printText(io, `${task.id}  ${shownStatus(task)}`);
      } catch (error) {
        const { code, message, exit } = await failureOf(io, error);
        failed.push({ id, code, message });
        exits.add(exit);
        if (!options.json) note(io, `reeve: ${isOne ? '' : `${id}: `}${printable(message)}`);
      }
    }
  }
  await Promise.all(Array.from({ length: TOGETHER }, work));

  if (wantsJson(io, options)) printJson(io, { tasks, failed });
  if (failed.length === 0) return EXIT.done;
  if (!isOne && !options.json) note(io, `${verb}: ${tasks.length} done, ${failed.length} failed`);
  if (tasks.length > 0) return EXIT.partly;
  return exits.size === 1 ? [...exits][0]! : EXIT.failed;
}
