import type { ResponseObject, Run } from '@reeve/contract';
import { inTenant } from '@reeve/db';
import { EventStream } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import { selectRun } from '@reeve/runs';
import { selectTask } from '@reeve/tasks';
import type { ProtocolParts } from './protocol.ts';
import { baseOfRun, responseIdOf, type ResponsePayload } from './response-base.ts';
import { eventsOfRun } from './response-events.ts';
import { createResponseWriter, type ResponseBase } from './response-writer.ts';

type Parts = Pick<ProtocolParts, 'database' | 'feed'>;

/** The events of the response that a run is, after a number; named, as OpenAI’s are. */
export function responseStream(
  parts: Parts,
  tenantId: string,
  runId: string,
  startingAfter: number,
  headers: Readonly<Record<string, string>> = { 'x-run-id': runId },
): EventStream {
  return new EventStream(
    async function* (signal) {
      const base = await readBase(parts, tenantId, await requireRun(parts, tenantId, runId));
      for await (const event of eventsOfRun(base, parts.feed.follow(tenantId, runId, 0, signal)))
        if (event.sequence_number > startingAfter) yield { name: event.type, data: event };
    },
    `response:${runId}`,
    headers,
  );
}

/** The response of a run as it is now. The text of an unfinished run is available through its stream only. */
export async function responseOfRun(
  parts: Parts,
  tenantId: string,
  run: Run,
  signal: AbortSignal,
): Promise<ResponseObject> {
  const base = await readBase(parts, tenantId, run);
  const begun = createResponseWriter(base).snapshot();
  if (run.ended_at === null) return { ...begun, status: run.started_at === null ? 'queued' : 'in_progress' };
  let response = begun;
  for await (const event of eventsOfRun(base, parts.feed.follow(tenantId, run.id, 0, signal)))
    if ('response' in event) response = event['response'] as ResponseObject;
  return { ...response, completed_at: Math.floor(Date.parse(run.ended_at) / 1000) };
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

async function readBase({ database }: Parts, tenantId: string, run: Run): Promise<ResponseBase> {
  const task = await inTenant(database.db, tenantId, (tx) => selectTask(tx, tenantId, run.task_id));
  return baseOfRun(run, (task?.payload ?? {}) as ResponsePayload);
}
