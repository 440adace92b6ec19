import type { ResponseObject } from '@reeve/contract';
import { json, type Db } from '@reeve/db';
import { sql } from 'kysely';
import type { ConversationMessage } from './message-mapping.ts';

/** One turn of a conversation with a plain model. */
export interface StoredResponse {
  readonly id: string;
  readonly previousId: string | null;
  readonly input: readonly ConversationMessage[];
  readonly output: readonly ConversationMessage[];
  readonly answer: ResponseObject;
}

/** How long answers are kept, in days. */
const KEPT_DAYS = 30;
/** How many of those whose time is over are removed with each that is added. */
const REMOVED = 10;
/** The longest conversation, in turns. */
const LONGEST = 1_000;

/** Keeps an answer, and removes some of the tenant’s that are older than thirty days. */
export async function insertResponse(db: Db, tenantId: string, response: StoredResponse): Promise<void> {
  await sql`delete from responses where id in (
    select id from responses where tenant_id = ${tenantId} and created_at < reeve_now() - ${KEPT_DAYS} * interval '1 day'
    order by created_at limit ${REMOVED})`.execute(db);
  await db
    .insertInto('responses')
    .values({
      id: response.id,
      tenant_id: tenantId,
      previous_id: response.previousId,
      input: json(response.input),
      output: json(response.output),
      answer: json(response.answer),
    })
    .execute();
}

export async function selectResponse(db: Db, tenantId: string, id: string): Promise<ResponseObject | undefined> {
  const row = await db
    .selectFrom('responses')
    .select('answer')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.answer as ResponseObject | undefined;
}

/** The conversation up to and including an answer, oldest first; undefined if a turn has been removed. */
export async function selectConversation(
  db: Db,
  tenantId: string,
  id: string,
): Promise<ConversationMessage[] | undefined> {
  const { rows } = await sql<{
    previous_id: string | null;
    input: ConversationMessage[];
    output: ConversationMessage[];
  }>`
    with recursive turns as (
      select previous_id, input, output, 1 as depth from responses where tenant_id = ${tenantId} and id = ${id}
      union all
      select r.previous_id, r.input, r.output, t.depth + 1 from turns t
      join responses r on r.id = t.previous_id and r.tenant_id = ${tenantId} where t.depth < ${LONGEST}
    ) select previous_id, input, output from turns order by depth desc`.execute(db);
  if (rows[0] === undefined || rows[0].previous_id !== null) return undefined;
  return rows.flatMap(({ input, output }) => [...input, ...output]);
}
