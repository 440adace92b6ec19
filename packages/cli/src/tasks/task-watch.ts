import type { Client } from '@reeve/client';
import { routes, type TaskEvent } from '@reeve/contract';
import { connect } from '../connect.ts';
import { EXIT } from '../failure.ts';
import type { CommandIo } from '../io.ts';
import { onInterrupt } from '../interrupt.ts';
import { note, oneLine, printJsonLine, printText, shownTime, wantsJson, type OutputOptions } from '../output.ts';

export interface WatchOptions extends OutputOptions {
  readonly agent?: string;
  readonly type?: string;
}

/**
 * Tells of what happens to tasks as it happens, through a server's restart too. With ids from their creation until all have
 * ended: 0, 3 if some did not complete, 1 if none did. Without, from now on until Ctrl-C, which is 0.
 */
export async function watchTasks(io: CommandIo, ids: readonly string[], options: WatchOptions): Promise<number> {
  await using connection = await connect(io, 'tasks watch', 'shared');
  const { client } = connection;
  const stop = new AbortController();
  let interrupted: number | undefined;
  using _ = onInterrupt(io, (code) => {
    interrupted = code;
    stop.abort();
  });
  const print = wantsJson(io, options) ? printJsonLine : printEvent;
  const show = (event: TaskEvent) => print(io, event);
  try {
    if (ids.length === 0) {
      if (io.stderr.isTTY) note(io, 'watching; Ctrl-C ends it');
      const { agent: agentId, type: taskType } = options;
      const filter = { ...(agentId !== undefined && { agentId }), ...(taskType !== undefined && { taskType }) };
      for await (const event of client.followTasks({ ...filter, signal: stop.signal })) show(event);
      return EXIT.done;
    }
    const watched = [...new Set(ids)].map((id) => watchOne(client, id, stop.signal, show));
    try {
      const completed = (await Promise.all(watched)).filter((isCompleted) => isCompleted).length;
      if (completed === watched.length) return EXIT.done;
      return completed === 0 ? EXIT.failed : EXIT.partly;
    } finally {
      stop.abort();
      await Promise.allSettled(watched);
    }
  } catch (error) {
    if (interrupted === undefined) throw error;
    return ids.length === 0 ? EXIT.done : interrupted;
  }
}

/** Shows a task's events to its end, and answers whether it completed. */
async function watchOne(
  client: Client,
  id: string,
  signal: AbortSignal,
  show: (event: TaskEvent) => void,
): Promise<boolean> {
  for await (const event of client.followTask(id, { signal })) show(event);
  const { task } = await client.call(routes.getTask, { params: { id } });
  return task.status === 'completed';
}

function printEvent(io: CommandIo, { type, entry, task }: TaskEvent): void {
  const what = type.replace(/^task_/, '').replaceAll('_', ' ');
  const title = task === null ? '' : oneLine(task.title);
  const summary = oneLine(entry.summary);
  const text = title === '' || summary.includes(title) ? summary : `${title}: ${summary}`;
  printText(io, `${shownTime(entry.created_at)}  ${entry.task_id}  ${what.padEnd(18)}  ${text}`);
}
