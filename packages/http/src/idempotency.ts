import { createHash } from 'node:crypto';
import { inTenant, json, now, persist, type Db } from '@reeve/db';
import { ReeveError, within } from '@reeve/kit';
import { sql } from 'kysely';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const PATIENCE_MS = 5_000;
/** How long a statement of it may take: a database that hangs must not hold callers. */
const ANSWER_MS = 10_000;
const KEEPER = 'what keeps answers to idempotency keys';

/**
 * The first answer to a key, for 24 h. The first call runs `work` and keeps what it answered; a repeat with the same
 * request gets that answer with `replayed`; another request under the key, or one whose first call still runs, is a
 * `conflict`. A call that failed, or whose answer cannot be kept (`work` gives undefined: a stream), frees its key. Fields
 * of an answer that are named in `toldOnce` are kept as null. A process that dies between its work and this record leaves
 * the key taken for fifteen minutes.
 */
export async function once(
  db: Db,
  request: { tenantId: string; key: string; route: string; body: unknown; toldOnce?: readonly string[] | undefined },
  work: () => Promise<Answer | undefined>,
): Promise<(Answer & { replayed: boolean }) | undefined> {
  const { tenantId, key } = request;
  if (key.length < 1 || key.length > 255)
    throw new ReeveError('invalid_request', 'Idempotency-Key must be 1 to 255 characters');
  const fingerprint = createHash('sha256')
    .update(`${request.route}\n${JSON.stringify(request.body)}`)
    .digest('hex');
  const looking = inTenant(db, tenantId, async (tx) => {
    await tx
      .deleteFrom('idempotency_keys')
      .where('tenant_id', '=', tenantId)
      .where('key', '=', key)
      .where(
        sql<boolean>`created_at < reeve_now() - case when status is null then interval '15 minutes' else interval '24 hours' end`,
      )
      .execute();
    const inserted = await tx
      .insertInto('idempotency_keys')
      .values({ tenant_id: tenantId, key, fingerprint, created_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .returning('key')
      .executeTakeFirst();
    if (inserted !== undefined) return undefined;
    return tx
      .selectFrom('idempotency_keys')
      .selectAll()
      .where('tenant_id', '=', tenantId)
      .where('key', '=', key)
      .executeTakeFirst();
  });
  const before = await within(ANSWER_MS, KEEPER, looking);
  if (before !== undefined) {
    if (before.fingerprint !== fingerprint)
      throw new ReeveError('conflict', 'this Idempotency-Key was used for another request');
    if (before.status === null)
      throw new ReeveError('conflict', 'the first request with this Idempotency-Key is still under way', {
        retryAfterMs: 1000,
      });
    return { status: before.status, body: before.body, replayed: true };
  }
  const free = () => {
    const freeing = inTenant(db, tenantId, (tx) =>
      tx
        .deleteFrom('idempotency_keys')
        .where('tenant_id', '=', tenantId)
        .where('key', '=', key)
        .where('status', 'is', null)
        .execute(),
    );
    return within(ANSWER_MS, KEEPER, freeing);
  };
  let answer: Answer | undefined;
  try {
    answer = await work();
  } catch (error) {
    await free();
    throw error;
  }
  if (answer === undefined) {
    await free();
    return undefined;
  }
  const { status, body } = answer;
  // The work is done: a database that is gone for a moment must not have it done again.
  const keeping = persist(PATIENCE_MS, () =>
    inTenant(db, tenantId, (tx) =>
      tx
        .updateTable('idempotency_keys')
        .set({ status, body: json(withoutFields(body, request.toldOnce ?? [])) })
        .where('tenant_id', '=', tenantId)
        .where('key', '=', key)
        .execute(),
    ),
  );
  await within(ANSWER_MS, KEEPER, keeping);
  return { status, body, replayed: false };
}

function withoutFields(body: unknown, fields: readonly string[]): unknown {
  if (fields.length === 0 || typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, fields.includes(name) ? null : value]));
}
