import type { NewRunEvent, RunEvent } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { insertEvents, selectLastSeq, type StoredEvent } from './store/event.ts';

/** Appends events to a run's log after the number given; answers them with their numbers, to be published after commit. */
export async function appendEvents(
  tx: Tx,
  run: { id: string; tenantId: string },
  lastSeq: number,
  events: readonly NewRunEvent[],
): Promise<RunEvent[]> {
  const at = new Date();
  const numbered = events.map(
    (event, index) => ({ ...event, seq: lastSeq + index + 1, run_id: run.id, timestamp: at.toISOString() }) as RunEvent,
  );
  await insertEvents(
    tx,
    run.tenantId,
    run.id,
    numbered.map((event) => stored(event, at)),
  );
  return numbered;
}

/** The same where the last number is not at hand. */
export async function appendEventsAtEnd(
  tx: Tx,
  run: { id: string; tenantId: string },
  events: readonly NewRunEvent[],
): Promise<RunEvent[]> {
  return appendEvents(tx, run, await selectLastSeq(tx, run.id), events);
}

/** Without its place, and without what its step or run holds (see `selectEvents`, which puts that back). */
function stored(event: RunEvent, at: Date): StoredEvent {
  const {
    seq,
    type,
    run_id: _,
    timestamp: __,
    ...data
  } = event as RunEvent & { input?: unknown; output?: unknown; result?: unknown };
  if (type === 'tool_call') delete data.input;
  if (type === 'tool_result') delete data.output;
  if (type === 'result') delete data.result;
  return { seq, type, at, data };
}
