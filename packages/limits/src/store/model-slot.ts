import type { Db } from '@reeve/db';
import { sql } from 'kysely';

/** A live lease of a model's slots. */
export interface SlotRow {
  readonly process_id: string;
  readonly slots: number;
  readonly wanted: number;
  readonly learnt_limit: number | null;
}

/** Locks a model's leases until the transaction ends, deletes the expired ones and returns the others, with the time. */
export async function lockSlots(db: Db, provider: string, model: string): Promise<{ rows: SlotRow[]; nowMs: number }> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`model_slots:${provider}/${model}`}, 0))`.execute(db);
  await sql`delete from model_slots where provider = ${provider} and model = ${model} and expires_at < clock_timestamp()`.execute(
    db,
  );
  const rows = await db
    .selectFrom('model_slots')
    .select(['process_id', 'slots', 'wanted', 'learnt_limit'])
    .where('provider', '=', provider)
    .where('model', '=', model)
    .orderBy('process_id')
    .execute();
  const clock = await sql<{ ms: number }>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`.execute(
    db,
  );
  return { rows, nowMs: clock.rows[0]!.ms };
}

/** Writes a process's lease, which ends after `leaseMs` by the database's clock. */
export async function upsertSlots(
  db: Db,
  provider: string,
  model: string,
  { process_id, slots, wanted, learnt_limit }: SlotRow,
  leaseMs: number,
): Promise<void> {
  await sql`
    insert into model_slots (provider, model, process_id, slots, wanted, learnt_limit, expires_at)
    values (${provider}, ${model}, ${process_id}, ${slots}, ${wanted}, ${learnt_limit},
      clock_timestamp() + make_interval(secs => ${leaseMs / 1_000}))
    on conflict (provider, model, process_id) do update set slots = excluded.slots, wanted = excluded.wanted,
      learnt_limit = excluded.learnt_limit, expires_at = excluded.expires_at`.execute(db);
}

/** Deletes a process's lease of one model, or of all. */
export async function deleteSlots(
  db: Db,
  processId: string,
  model?: { provider: string; model: string },
): Promise<void> {
  let deletion = db.deleteFrom('model_slots').where('process_id', '=', processId);
  if (model !== undefined) deletion = deletion.where('provider', '=', model.provider).where('model', '=', model.model);
  await deletion.execute();
}
