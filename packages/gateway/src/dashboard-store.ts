import type { Tx } from '@reeve/db';
import { sql, type RawBuilder } from 'kysely';

/** Counting stops at this many rows. */
const COUNTED = 100_000;

export function countAgents(tx: Tx, tenantId: string): Promise<number> {
  return countUpTo(tx, sql`select from agents where tenant_id = ${tenantId} and deleted_at is null`);
}

export function countMemories(tx: Tx, tenantId: string): Promise<number> {
  return countUpTo(
    tx,
    sql`select from memories where tenant_id = ${tenantId} and (expires_at is null or expires_at > reeve_now())`,
  );
}

export function countSessions(tx: Tx, tenantId: string): Promise<number> {
  return countUpTo(tx, sql`select from sessions where tenant_id = ${tenantId}`);
}

export async function countRunsOfLastDay(tx: Tx, tenantId: string): Promise<Record<string, number>> {
  return byStatus(
    tx,
    sql`select status, count(*)::int as count from (
      select status from runs where tenant_id = ${tenantId} and created_at > reeve_now() - interval '1 day'
      limit ${COUNTED}) r group by status`,
  );
}

/** Summed up from the changes that triggers leave, and from the leases: pending and leased is in progress. */
export function countTasksByStatus(tx: Tx, tenantId: string): Promise<Record<string, number>> {
  return byStatus(
    tx,
    sql`with running as (select count(*)::int as count from leases where tenant_id = ${tenantId}),
      changes as (
        select status, change from task_counts where tenant_id = ${tenantId}
        union all select 'pending', -count from running
        union all select 'in_progress', count from running)
      select status, sum(change)::int as count from changes group by status having sum(change) > 0`,
  );
}

async function countUpTo(tx: Tx, rows: RawBuilder<unknown>): Promise<number> {
  const found = await sql<{ count: number }>`select count(*)::int as count from (${rows} limit ${COUNTED}) r`.execute(
    tx,
  );
  return found.rows[0]?.count ?? 0;
}

async function byStatus(tx: Tx, query: RawBuilder<unknown>): Promise<Record<string, number>> {
  const { rows } = await (query as RawBuilder<{ status: string; count: number }>).execute(tx);
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}
