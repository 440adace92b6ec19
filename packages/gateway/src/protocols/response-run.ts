import type { ResponseEvent, ResponseObject, Run, RunEvent } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { EventStream } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { readEvents, selectCallerTools, selectRun, selectTurnBefore } from '@reeve/runs';
import { selectTask } from '@reeve/tasks';
import type { ProtocolParts } from './protocol.ts';
import { baseOfRun, responseIdOf, type ResponsePayload, type ResponseRef } from './response-base.ts';
import { eventsOfRun } from './response-events.ts';
import { createResponseWriter, type ResponseBase } from './response-writer.ts';

type Parts = Pick<ProtocolParts, 'database' | 'feed'>;

/** The events of the response that a turn of a run is, after a number; named, as OpenAI’s are. */
export function responseStream(
  parts: Parts,
  tenantId: string,
  { id: runId, after }: ResponseRef,
  startingAfter: number,
  headers: Readonly<Record<string, string>> = { 'x-run-id': runId },
): EventStream {
  return new EventStream(
    async function* (signal) {
      const base = await readBase(parts, tenantId, await requireRun(parts, tenantId, runId), after);
      for await (const event of eventsOfRun(base, parts.feed.follow(tenantId, runId, 0, signal), after))
        if (event.sequence_number > startingAfter) yield { name: event.type, data: event };
    },
    `response:${runId}:${after}`,
    headers,
  );
}

/** The response that a turn of a run is at the moment. What one that has not ended says is in its stream. */
export async function responseOfRun(parts: Parts, tenantId: string, run: Run, after: number): Promise<ResponseObject> {
  const base = await readBase(parts, tenantId, run, after);
  let last: RunEvent | undefined;
  async function* events() {
    for await (const event of readEvents(parts.database, tenantId, run.id)) yield (last = event);
  }
  let told: ResponseEvent | undefined;
  for await (const event of eventsOfRun(base, events(), after)) if ('response' in event) told = event;
  const response = told?.['response'] as ResponseObject | undefined;
  // A run that is tried again goes on after its end.
  const hasEnded = run.ended_at !== null || (last?.type === 'system' && last.waiting_for === 'caller');
  if (!hasEnded || response === undefined || response.status === 'in_progress')
    return { ...createResponseWriter(base).snapshot(), status: run.started_at === null ? 'queued' : 'in_progress' };
  return { ...response, completed_at: Math.floor(Date.parse(last!.timestamp) / 1000) };
}

export function readRun({ database }: Parts, tenantId: string, id: string): Promise<Run | undefined> {
  return inTenant(database.db, tenantId, (tx) => selectRun(tx, tenantId, id));
}

/** Throws `not_found`. */
export async function requireRun(parts: Parts, tenantId: string, id: string): Promise<Run> {
  const run = await readRun(parts, tenantId, id);
  if (run === undefined) throw new ReeveError('not_found', `there is no response ${responseIdOf(id)}`);
  return run;
}

function readBase({ database }: Parts, tenantId: string, run: Run, after: number): Promise<ResponseBase> {
  return inTenant(database.db, tenantId, async (tx) => {
    const task = await selectTask(tx, tenantId, run.task_id);
    const offered = await selectCallerTools(tx, run.id);
    const turnBefore = after > 0 ? await selectTurnBefore(tx, run.id, after) : 0;
    return baseOfRun(run, (task?.payload ?? {}) as ResponsePayload, { after, turnBefore, tools: offered?.tools ?? [] });
  });
}
