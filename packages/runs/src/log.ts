import type { NewRunEvent, RunEvent } from '@reeve/contract';
import type { Tx } from '@reeve/db';
import { insertEvents, selectLastSeq, type StoredEvent } from './store/event.ts';

/** Events with their places in a run's log: behind the number given. */
export function numberEvents(
  run: { readonly id: string },
  lastSeq: number,
  events: readonly NewRunEvent[],
): RunEvent[] {
  const timestamp = new Date().toISOString();
  return events.map((event, index) => ({ ...event, seq: lastSeq + index + 1, run_id: run.id, timestamp }) as RunEvent);
}

/** Appends events to a run's log after the number given; answers them with their numbers, to be published after commit. */
export async function appendEvents(
  tx: Tx,
  run: { id: string; tenantId: string },
  lastSeq: number,
  events: readonly NewRunEvent[],
): Promise<RunEvent[]> {
  const numbered = numberEvents(run, lastSeq, events);
  await insertEvents(tx, run.tenantId, run.id, numbered.map(storedEvent));
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
export function storedEvent(event: RunEvent): StoredEvent {
  const {
    seq,
    type,
    run_id: _,
    timestamp: at,
    ...data
  } = event as RunEvent & { input?: unknown; output?: unknown; result?: unknown };
  if (type === 'tool_call') delete data.input;
  if (type === 'tool_result') delete data.output;
  if (type === 'result') delete data.result;
  return { seq, type, at, data };
}
