import type { Db } from '@reeve/db';
import { sql } from 'kysely';
import type { Limits } from './budget.ts';

/**
 * Sets the limits of a persona's budgets of this month and of the month in a day from now. One that is made begins with what the
 * ledger says was used since its month began; without limits none is made.
 */
export async function upsertMonths(
  db: Db,
  tenantId: string,
  persona: string,
  { limitTokens, limitNano, updatedBy }: Limits & { readonly updatedBy: string },
): Promise<void> {
  await sql`
    with moment as materialized (select reeve_now() at time zone 'UTC' as at), months as (
      select distinct date_trunc('month', t) as month
      from moment cross join lateral unnest(array[at, at + interval '1 day']) as t
    ), known as (
      update budgets b set limit_tokens = ${limitTokens}, limit_nano = ${limitNano}, alerted = 0, updated_by = ${updatedBy}, updated_at = reeve_now()
      from months m where b.tenant_id = ${tenantId} and b.scope = 'month' and b.ref = ${persona}::text || to_char(m.month, ':YYYY-MM')
        and (b.limit_tokens is distinct from ${limitTokens}::bigint or b.limit_nano is distinct from ${limitNano}::bigint)
    )
    insert into budgets (tenant_id, scope, ref, limit_tokens, limit_nano, spent_tokens, spent_nano, updated_by)
    select ${tenantId}, 'month', ${persona}::text || to_char(m.month, ':YYYY-MM'), ${limitTokens}, ${limitNano}, u.tokens, u.nano, ${updatedBy}
    from months m cross join lateral (
      select coalesce(sum(c.input_tokens + c.output_tokens), 0)::bigint as tokens, coalesce(sum(c.cost_nano), 0)::bigint as nano
      from model_calls c
      where c.tenant_id = ${tenantId} and c.status = 'settled' and c.created_at >= m.month at time zone 'UTC'
        and c.created_at < (m.month + interval '1 month') at time zone 'UTC' and coalesce(c.persona_id::text, 'default') = ${persona}
    ) u
    where ${limitTokens}::bigint is not null or ${limitNano}::bigint is not null
    on conflict do nothing`.execute(db);
}

/** The budgets of this month in UTC. */
export async function selectMonths(db: Db): Promise<
  {
    tenantId: string;
    /** Its id, or `default`. */
    persona: string;
    /** Its slug. */
    name: string | undefined;
    limitTokens: number | null;
    limitNano: number | null;
  }[]
> {
  const { rows } = await sql<{
    tenant_id: string;
    persona: string;
    name: string | null;
    limit_tokens: number | null;
    limit_nano: number | null;
  }>`
    select b.tenant_id, split_part(b.ref, ':', 1) as persona, p.slug as name, b.limit_tokens, b.limit_nano
    from budgets b left join personas p on p.tenant_id = b.tenant_id and p.id::text = split_part(b.ref, ':', 1)
    where b.scope = 'month' and right(b.ref, 7) = to_char(reeve_now() at time zone 'UTC', 'YYYY-MM')`.execute(db);
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    persona: row.persona,
    name: row.name ?? undefined,
    limitTokens: row.limit_tokens,
    limitNano: row.limit_nano,
  }));
}

/** The slug of a persona; undefined where there is none of that id. */
export async function selectPersonaName(db: Db, tenantId: string, personaId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('personas')
    .select('slug')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', personaId)
    .executeTakeFirst();
  return row?.slug;
}
