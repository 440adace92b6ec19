import type { Memory } from '@reeve/contract';
import { now, type Db, type Tables } from '@reeve/db';
import { sql, type ExpressionBuilder, type Selectable } from 'kysely';
import type { Paging } from './store.ts';

/** Changed fields of a memory. `ttlS`: seconds from now until it expires, null for never. */
export interface MemoryChange {
  readonly text?: { readonly text: string; readonly digest: string };
  readonly tags?: readonly string[];
  readonly ttlS?: number | null;
}

/** One memory; undefined if missing or expired. */
export async function selectMemory(db: Db, tenantId: string, id: string): Promise<Memory | undefined> {
  const row = await living(db, tenantId).where('id', '=', id).executeTakeFirst();
  return row && memoryFromRow(row);
}

/** A page of a tenant's memories, the newest first, with how many there are in all. */
export async function listMemoryRows(
  db: Db,
  tenantId: string,
  { personaId, tag }: { personaId?: string | undefined; tag?: string | undefined },
  { limit, offset }: Paging,
): Promise<{ memories: Memory[]; total: number }> {
  const where = (eb: ExpressionBuilder<Tables, 'memories'>) =>
    eb.and([
      ...(personaId === undefined ? [] : [eb('persona_id', '=', personaId)]),
      ...(tag === undefined ? [] : [sql<boolean>`tags @> array[${tag}]` as never]),
    ]);
  const rows = await living(db, tenantId)
    .where(where)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await db
    .selectFrom('memories')
    .where('tenant_id', '=', tenantId)
    .where(isLiving)
    .where(where)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return { memories: rows.map(memoryFromRow), total };
}

/** Updates a memory; unique violation if another one of its persona has the same text. */
export async function updateMemoryRow(db: Db, id: string, { text, tags, ttlS }: MemoryChange): Promise<void> {
  if (text === undefined && tags === undefined && ttlS === undefined) return;
  await db
    .updateTable('memories')
    .set({
      ...text,
      ...(tags !== undefined && { tags: [...tags] }),
      ...(ttlS !== undefined && { expires_at: sql<Date | null>`reeve_now() + ${ttlS}::float8 * interval '1 s'` }),
    })
    .where('id', '=', id)
    .execute();
}

/** A persona of a tenant that has expired memories; undefined if none has. */
export async function selectExpired(
  db: Db,
  tenantId: string,
): Promise<{ tenantId: string; personaId: string | null } | undefined> {
  const row = await db
    .selectFrom('memories')
    .select(['tenant_id', 'persona_id'])
    .where('tenant_id', '=', tenantId)
    .where('expires_at', '<=', now)
    .orderBy('expires_at')
    .limit(1)
    .executeTakeFirst();
  return row && { tenantId: row.tenant_id, personaId: row.persona_id };
}

/** Removes some memories whose time is over, and answers their ids. */
export async function deleteExpired(
  db: Db,
  { tenantId, personaId }: { tenantId: string; personaId: string | null },
  limit: number,
): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    delete from memories where id in (
      select id from memories where tenant_id = ${tenantId} and persona_id is not distinct from ${personaId}::uuid
        and expires_at <= reeve_now() limit ${limit}
    ) returning id`.execute(db);
  return rows.map(({ id }) => id);
}

const isLiving = sql<boolean>`(expires_at is null or expires_at > reeve_now())`;

function living(db: Db, tenantId: string) {
  return db
    .selectFrom('memories')
    .select([
      'id',
      'tenant_id',
      'persona_id',
      'text',
      'tags',
      'session_id',
      'run_id',
      'created_at',
      'expires_at',
      'superseded_by',
    ])
    .where('tenant_id', '=', tenantId)
    .where(isLiving);
}

/** The columns of a memory. */
export type MemoryRow = Omit<Selectable<Tables['memories']>, 'digest' | 'indexed'>;

/** A memory as the contract has it. */
export function memoryFromRow({ session_id, run_id, created_at, expires_at, ...row }: MemoryRow): Memory {
  return {
    ...row,
    source: { session_id, run_id },
    created_at: created_at.toISOString(),
    expires_at: expires_at?.toISOString() ?? null,
  };
}
