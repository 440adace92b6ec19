import type { RunEvent } from '@reeve/contract';
import { inTenant, runStatement, type Database, type Db, type Statement } from '@reeve/db';
import { sql } from 'kysely';

/** An event as it is stored: without what the run and its steps hold already. */
export interface StoredEvent {
  readonly seq: number;
  readonly type: RunEvent['type'];
  /** RFC 3339. */
  readonly at: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export async function insertEvents(
  db: Db,
  tenantId: string,
  runId: string,
  events: readonly StoredEvent[],
): Promise<void> {
  if (events.length > 0) await runStatement(db, eventStatement(tenantId, runId, events));
}

/** The same as a statement, for whoever runs it together with others. */
export function eventStatement(tenantId: string, runId: string, events: readonly StoredEvent[]): Statement {
  return { text: INSERT, parameters: [runId, tenantId, JSON.stringify(events)] };
}

const INSERT = `
  insert into events (run_id, seq, tenant_id, type, data, created_at)
  select $1::uuid, e.seq, $2::text, e.type, e.data, e.at
  from json_to_recordset($3::json) as e (seq int, type text, data jsonb, at timestamptz)`;

/** Events after a number, with what steps and the run hold of them put back in. */
export async function selectEvents(
  db: Db,
  tenantId: string,
  runId: string,
  after: number,
  limit: number,
): Promise<RunEvent[]> {
  const { rows } = await sql<{ seq: number; type: string; data: object; created_at: Date; filled: object | null }>`
    select e.seq, e.type, e.data, e.created_at,
      case e.type
        when 'tool_call' then jsonb_build_object('input', s.input)
        when 'tool_result' then jsonb_build_object('output', s.output -> 'result')
        when 'result' then jsonb_build_object('result', r.result)
      end as filled
    from events e join runs r on r.id = e.run_id
    left join steps s on e.type in ('tool_call', 'tool_result') and s.run_id = e.run_id and s.number = (e.data ->> 'step')::int
    where e.run_id = ${runId} and e.tenant_id = ${tenantId} and e.seq > ${after}
    order by e.seq limit ${limit}`.execute(db);
  return rows.map(
    ({ seq, type, data, created_at, filled }) =>
      ({ type, seq, run_id: runId, timestamp: created_at.toISOString(), ...data, ...filled }) as RunEvent,
  );
}

/** Most events of one read. */
const PAGE = 500;

/** The events that a run has so far, from the first. */
export async function* readEvents(database: Database, tenantId: string, runId: string): AsyncGenerator<RunEvent, void> {
  for (let last = 0; ;) {
    const events = await inTenant(database.db, tenantId, (tx) => selectEvents(tx, tenantId, runId, last, PAGE));
    yield* events;
    last = events.at(-1)?.seq ?? last;
    if (events.length < PAGE) return;
  }
}

/** Characters that a step has streamed since it was last begun anew, thinking included. */
export async function selectStreamed(db: Db, runId: string, step: number): Promise<number> {
  const { rows } = await sql<{ characters: number }>`
    select coalesce(sum(length(data ->> 'delta')), 0)::int as characters from events
    where run_id = ${runId} and type in ('text', 'thinking') and (data ->> 'step')::int = ${step}
      and seq > coalesce((select max(seq) from events where run_id = ${runId} and type = 'system' and (data ->> 'discard_step')::int = ${step}), 0)`.execute(
    db,
  );
  return rows[0]!.characters;
}

export async function selectLastSeq(db: Db, runId: string): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select(({ fn }) => fn.max('seq').as('seq'))
    .where('run_id', '=', runId)
    .executeTakeFirst();
  return row?.seq ?? 0;
}
