import { createHash } from 'node:crypto';
import type { Db } from '@reeve/db';
import { newTraceId } from '@reeve/kit';
import { sql } from 'kysely';
import { addDocument, type KnowledgeParts } from './documents.ts';

/** Something that personas are to know of where they are, as it is now. */
export interface BodyNote {
  /** One note of a source is in each Body: `reeve:tools`. */
  readonly source: string;
  readonly title: string;
  /** Markdown that changes only with what it tells of. */
  readonly text: string;
}

/** Who has written these notes, for the audit log. */
const AUTHOR = 'reeve';

export interface RefreshOptions {
  /** How long a note stands before it is changed: processes that do not see the same do not take turns then. In milliseconds. */
  readonly restMs: number;
  readonly signal: AbortSignal;
  /** Told of a tenant whose notes could not be refreshed; the others are. */
  readonly onFailure: (tenantId: string, error: unknown) => void;
}

/**
 * Writes a tenant's notes into the Body of each of its personas that does not say so already; several processes may do it at once.
 * Answers how many were written.
 */
export async function refreshBodies(
  parts: KnowledgeParts,
  notesOf: (tenantId: string) => Promise<readonly BodyNote[]>,
  { restMs, signal, onFailure }: RefreshOptions,
): Promise<number> {
  const { db } = parts.database;
  let written = 0;
  const tenants = await db.selectFrom('personas').select('tenant_id').distinct().execute();
  for (const { tenant_id: tenantId } of tenants)
    try {
      for (const note of await notesOf(tenantId)) written += await write(parts, tenantId, note, restMs, signal);
    } catch (error) {
      if (signal.aborted) return written;
      onFailure(tenantId, error);
    }
  return written;
}

/** Writes one note into the Body of a tenant's personas, and answers into how many. */
async function write(
  parts: KnowledgeParts,
  tenantId: string,
  { source, title, text }: BodyNote,
  restMs: number,
  signal: AbortSignal,
): Promise<number> {
  const bytes = Buffer.from(text);
  const who = { tenantId, userId: AUTHOR, traceId: newTraceId() };
  let written = 0;
  for (const personaId of await personasWithout(parts.database.db, tenantId, source, bytes, restMs)) {
    signal.throwIfAborted();
    const content = { bytes, name: '', mediaType: 'text/markdown' };
    const added = await addDocument(parts, who, personaId, 'Body-KB', content, { source, title, tags: [] }, signal);
    written += Number(!added.deduplicated);
  }
  return written;
}

/** The personas whose Body does not say this, and has not changed what its source says for a while. */
async function personasWithout(
  db: Db,
  tenantId: string,
  source: string,
  bytes: Uint8Array,
  restMs: number,
): Promise<string[]> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { rows } = await sql<{ id: string }>`
    select id from personas p where tenant_id = ${tenantId} and not exists (
      select 1 from documents d where d.tenant_id = p.tenant_id and d.persona_id = p.id and d.knowledge_base = 'Body-KB'
        and (d.sha256 = ${sha256} or (d.source = ${source} and d.updated_at > reeve_now() - ${restMs} * interval '1 millisecond'))
    ) order by id`.execute(db);
  return rows.map(({ id }) => id);
}
