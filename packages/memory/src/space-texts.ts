import type { Tx } from '@reeve/db';
import { sql } from 'kysely';
import { chunkText } from './knowledge/base.ts';
import { memoryText } from './memory.ts';
import { MESSAGE_LENGTH } from './message.ts';
import { playbookText } from './playbooks/playbook.ts';
import type { IndexedText } from '@reeve/retrieval';
import type { SpaceKind } from './spaces.ts';

/** Reads texts of a tenant's spaces of one kind by their refs, for the embedding worker. Texts that no longer exist are left out. */
export async function readSpaceTexts(
  tx: Tx,
  { tenantId, kind }: { readonly tenantId: string; readonly kind: string },
  refs: readonly string[],
): Promise<IndexedText[]> {
  const known = kind as SpaceKind;
  switch (known) {
    case 'memory': {
      const { rows } = await sql<{ id: string; text: string }>`
        select id, text from memories where tenant_id = ${tenantId} and id = any(${refs}::uuid[])`.execute(tx);
      return rows.map(({ id, text }) => memoryText(id, text));
    }
    case 'message': {
      const { rows } = await sql<{ ref: string; text: string }>`
        select wanted.name as ref, left(message_content(m), ${MESSAGE_LENGTH}) as text
        from unnest(${refs}::text[]) as wanted(name)
        join messages m on m.session_id = split_part(wanted.name, ':', 1)::uuid and m.position = split_part(wanted.name, ':', 2)::int
        where m.tenant_id = ${tenantId}`.execute(tx);
      return rows.map(({ ref, text }) => ({ ref, fields: [], embeddingInput: text }));
    }
    case 'playbook': {
      const { rows } = await sql<{ id: string; goal: string }>`
        select id, goal from playbooks where tenant_id = ${tenantId} and id = any(${refs}::uuid[])`.execute(tx);
      return rows.map(playbookText);
    }
    case 'soul':
    case 'domain':
    case 'body':
    case 'mind': {
      const { rows } = await sql<{ id: string; title: string | null; headings: string[]; text: string }>`
        select distinct on (c.id) c.id, coalesce(d.title, v.title) as title, c.headings, c.text
        from chunks c join chunk_places p on p.chunk_id = c.id
        left join documents d on d.version_id = p.version_id left join unreferenced_versions v on v.id = p.version_id
        where c.tenant_id = ${tenantId} and c.id = any(${refs}::uuid[])
        order by c.id, d.id`.execute(tx);
      return rows.map(({ title, ...chunk }) => chunkText(title, chunk));
    }
  }
}
