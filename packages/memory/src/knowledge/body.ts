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

/**
 * Writes a tenant's notes into the Body of each of its personas that does not say so already; several processes may do it at once.
 * Answers how many were written.
 */
export async function refreshBodies(
  parts: KnowledgeParts,
  notesOf: (tenantId: string) => Promise<readonly BodyNote[]>,
  signal: AbortSignal,
): Promise<number> {
  const { db } = parts.database;
  let written = 0;
  const tenants = await db.selectFrom('personas').select('tenant_id').distinct().execute();
  for (const { tenant_id: tenantId } of tenants)
    for (const { source, title, text } of await notesOf(tenantId)) {
      const bytes = Buffer.from(text);
      const who = { tenantId, userId: AUTHOR, traceId: newTraceId() };
      for (const personaId of await personasWithout(db, tenantId, source, bytes)) {
        if (signal.aborted) return written;
        const content = { bytes, name: '', mediaType: 'text/markdown' };
        await addDocument(parts, who, personaId, 'Body-KB', content, { source, title, tags: [] }, signal);
        written += 1;
      }
    }
  return written;
}

/** The personas whose Body does not say this. */
async function personasWithout(db: Db, tenantId: string, source: string, bytes: Uint8Array): Promise<string[]> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const { rows } = await sql<{ id: string }>`
    select id from personas p where tenant_id = ${tenantId} and not exists (
      select 1 from documents d where d.tenant_id = p.tenant_id and d.persona_id = p.id and d.knowledge_base = 'Body-KB'
        and d.source = ${source} and d.sha256 = ${sha256}
    ) order by id`.execute(db);
  return rows.map(({ id }) => id);
}
