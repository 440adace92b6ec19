import { phaseOf, routes, type RunEvent, type WaitingFor } from '@reeve/contract';
import { sleep } from '@reeve/kit';
import type { Connection } from './connect.ts';

/** How often to look whether a run can go on. */
const LOOK_MS = 300;

/** What a task of the queue may wait for that is up to the tasks in it. */
const OTHERS_MAY_HELP: readonly (WaitingFor | null)[] = [null, 'concurrency', 'dependencies'];

/** Lets a run that was put aside, or waits its turn in its session, go on in this process where no server does. */
export interface RunWork extends AsyncDisposable {
  /** Hears what the run tells. */
  hear(event: RunEvent): void;
}

/**
 * Does nothing where a server answers. `stuck` is called where nobody can let the run go on as long as this process has the
 * database: it waits for money, for a person where none is asked here (`asks` is false), or for another run that does.
 */
export function createRunWork({ client, local, config }: Connection, asks: boolean, stuck: () => void): RunWork {
  const isAlone = config.databaseUrl === undefined;
  const stop = new AbortController();
  let taskId = '';
  let working: Promise<void> | undefined;

  /** Whether a run of the same request waits for what only people can do. */
  async function isChildStuck(trace_id: string): Promise<boolean> {
    const { runs } = await client.call(routes.listRuns, { query: { trace_id, status: 'queued', limit: 200 } });
    return runs.some(({ waiting_for }) => waiting_for === 'approval' || waiting_for === 'budget');
  }

  /** Works on the queue whenever the run's task, or one that it waits for, may be next in it. */
  async function work(worker: NonNullable<NonNullable<typeof local>['worker']>): Promise<void> {
    while (!stop.signal.aborted) {
      const { task } = await client.call(routes.getTask, { params: { id: taskId } });
      const isQueued = task.status === 'pending' && OTHERS_MAY_HELP.includes(task.waiting_for);
      const worked = isQueued ? await worker.runOnce(1) : [];
      if (worked.length > 0) continue;
      if (isAlone && task.waiting_for === 'concurrency') return stuck();
      if (isAlone && task.waiting_for === 'dependencies' && (await isChildStuck(task.trace_id))) return stuck();
      await sleep(LOOK_MS, stop.signal);
    }
  }

  return {
    hear(event) {
      if (local?.worker === undefined) return;
      if (event.type === 'session_start') taskId = event.task_id;
      if (event.type !== 'system') return;
      const { waiting_for } = event;
      if (isAlone && (waiting_for === 'budget' || (waiting_for === 'approval' && !asks))) return stuck();
      if (waiting_for === undefined && phaseOf(event) !== 'queued') return;
      working ??= work(local.worker).catch((error: unknown) => {
        if (stop.signal.aborted) return;
        stuck();
        throw error;
      });
      // Whoever disposes hears of it.
      working.catch(() => undefined);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await working;
    },
  };
}
