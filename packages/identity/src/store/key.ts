import type { ApiKey, ApiKeyInput, KeyStatus, Role } from '@reeve/contract';
import { now, runText, type Db, type Tables } from '@reeve/db';
import { sql, type Selectable } from 'kysely';
import { prefixOf } from '../keys/secret.ts';

/** A key that a secret proves, or did. */
export interface FoundKey {
  readonly id: string;
  readonly tenantId: string;
  readonly role: Role;
  readonly name: string;
  readonly state: 'valid' | 'expired' | 'revoked' | 'rotated';
  /** How long it stays valid unless it is changed, in milliseconds; null: without end. */
  readonly leftMs: number | null;
  /** True where its last use is to be written down again. */
  readonly useDue: boolean;
}

/** A key's row, as decisions about it need it. */
export interface StoredKey {
  readonly id: string;
  readonly publicId: string;
  readonly status: KeyStatus;
}

const STATUS = sql<KeyStatus>`case when revoked_at is not null then 'revoked' when expires_at <= ${now} then 'expired' else 'active' end`;
/** Until when a secret from before a rotation is valid; null where none is. */
const GRACE_ENDS = sql<Date | null>`case when ${STATUS} = 'active' then
  (select max(s.valid_until) from api_key_secrets s where s.key_id = api_keys.id and s.valid_until > ${now}) end`;
/** A use is written down at most this often. */
const USE_DUE = `(k.last_used_at is null or k.last_used_at < reeve_now() - interval '1 minute')`;

/** By the digests of secrets, of any tenant: the keys that there are. */
export async function selectByDigests(db: Db, digests: readonly string[]): Promise<Map<string, FoundKey>> {
  const rows = await runText<{
    digest: string;
    id: string;
    tenant_id: string;
    role: Role;
    name: string;
    state: FoundKey['state'];
    left_ms: number | null;
    use_due: boolean;
  }>(
    db,
    `select s.digest, k.id, k.tenant_id, k.role, k.name,
       case when k.revoked_at is not null then 'revoked' when k.expires_at <= reeve_now() then 'expired'
         when s.valid_until <= reeve_now() then 'rotated' else 'valid' end as state,
       (extract(epoch from least(k.expires_at, s.valid_until) - reeve_now()) * 1000)::float8 as left_ms,
       ${USE_DUE} as use_due
     from api_key_secrets s join api_keys k on k.id = s.key_id where s.digest = any($1::text[])`,
    [digests],
  );
  return new Map(
    rows.map(({ digest, id, tenant_id, role, name, state, left_ms, use_due }) => [
      digest,
      { id, tenantId: tenant_id, role, name, state, leftMs: left_ms, useDue: use_due },
    ]),
  );
}

/** Adds a key; undefined where it would be expired already. */
export async function insertKey(
  db: Db,
  of: { id: string; tenantId: string; publicId: string; lastFour: string; createdBy: string },
  { name, role, expires_at }: ApiKeyInput,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    insert into api_keys (id, tenant_id, name, role, public_id, last_four, created_by, expires_at)
    select ${of.id}, ${of.tenantId}, ${name}, ${role}, ${of.publicId}, ${of.lastFour}, ${of.createdBy}, ${expires_at ?? null}::timestamptz
    where coalesce(${expires_at ?? null}::timestamptz > ${now}, true)
    returning id`.execute(db);
  return rows[0]?.id;
}

export async function insertSecret(db: Db, tenantId: string, keyId: string, digest: string): Promise<void> {
  await db.insertInto('api_key_secrets').values({ tenant_id: tenantId, key_id: keyId, digest }).execute();
}

/** A tenant's key, locked until the transaction ends; undefined where there is none. */
export async function lockKey(db: Db, tenantId: string, id: string): Promise<StoredKey | undefined> {
  const row = await db
    .selectFrom('api_keys')
    .select(['id', 'public_id', STATUS.as('status')])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row && { id: row.id, publicId: row.public_id, status: row.status };
}

/** Ends the secrets that a key has after a grace, unless they end sooner, and forgets those that have ended. Answers how many stay valid. */
export async function endSecrets(db: Db, keyId: string, graceSeconds: number): Promise<number> {
  const { rows } = await sql<{ valid: boolean }>`
    update api_key_secrets set valid_until = least(valid_until, ${now} + ${graceSeconds}::int * interval '1 second')
    where key_id = ${keyId} returning valid_until > ${now} as valid`.execute(db);
  await db
    .deleteFrom('api_key_secrets')
    .where('key_id', '=', keyId)
    .where('valid_until', '<', sql<Date>`${now} - interval '1 day'`)
    .execute();
  return rows.filter(({ valid }) => valid).length;
}

export async function updateRotated(db: Db, id: string, lastFour: string): Promise<void> {
  await db.updateTable('api_keys').set({ last_four: lastFour, rotated_at: now }).where('id', '=', id).execute();
}

export async function updateRevoked(db: Db, id: string): Promise<void> {
  await db.updateTable('api_keys').set({ revoked_at: now }).where('id', '=', id).execute();
}

/** Writes down that keys were used, where that is due. Answers those whose first use of the day it is, in UTC. */
export async function updateUsed(db: Db, ids: readonly string[]): Promise<{ id: string; name: string }[]> {
  const rows = await runText<{ id: string; name: string; first: boolean }>(
    db,
    `with due as (select k.id, k.last_used_at from api_keys k where k.id = any($1::uuid[]) and ${USE_DUE} order by k.id for update)
     update api_keys k set last_used_at = reeve_now() from due where k.id = due.id
     returning k.id, k.name, (due.last_used_at is null or date_trunc('day', due.last_used_at, 'UTC') < date_trunc('day', reeve_now(), 'UTC')) as first`,
    [ids],
  );
  return rows.filter(({ first }) => first);
}

/** A page of a tenant's keys, newest first. */
export async function listKeys(
  db: Db,
  tenantId: string,
  status: KeyStatus | undefined,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ keys: ApiKey[]; total: number }> {
  let ours = db.selectFrom('api_keys').where('tenant_id', '=', tenantId);
  if (status !== undefined) ours = ours.where(STATUS, '=', status);
  const rows = await ours
    .selectAll()
    .select([STATUS.as('status'), GRACE_ENDS.as('grace_ends_at')])
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .offset(offset)
    .execute();
  const { total } = await ours.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
  return { keys: rows.map(shownKey), total };
}

/** A tenant's key that is there. */
export async function selectKey(db: Db, tenantId: string, id: string): Promise<ApiKey> {
  const row = await db
    .selectFrom('api_keys')
    .selectAll()
    .select([STATUS.as('status'), GRACE_ENDS.as('grace_ends_at')])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return shownKey(row);
}

function shownKey(row: Selectable<Tables['api_keys']> & { status: KeyStatus; grace_ends_at: Date | null }): ApiKey {
  return {
    id: row.id,
    name: row.name,
    role: row.role as Role,
    prefix: prefixOf(row.public_id),
    last_four: row.last_four,
    status: row.status,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
    last_used_at: row.last_used_at?.toISOString() ?? null,
    rotated_at: row.rotated_at?.toISOString() ?? null,
    grace_ends_at: row.grace_ends_at?.toISOString() ?? null,
    revoked_at: row.revoked_at?.toISOString() ?? null,
  };
}
