import type { Tx } from '@reeve/db';
import { sql } from 'kysely';
import { chunkText } from '../knowledge/base.ts';
import type { SpaceKind } from '../lexical/space.ts';
import { memoryText } from '../memory.ts';
import { MESSAGE_LENGTH } from '../message.ts';
import { playbookText } from '../playbooks/playbook.ts';
import { meaningOf } from './meaning.ts';

/** What vectors are made of, by the names that the lexical index has for it; texts that are gone, or say nothing, are left out. */
export async function selectMeanings(
  tx: Tx,
  tenantId: string,
  kind: SpaceKind,
  refs: readonly string[],
): Promise<Map<string, string>> {
  const texts = await selectTexts(tx, tenantId, kind, refs);
  return new Map(texts.map((text) => [text.ref, meaningOf(text)] as const).filter(([, meaning]) => meaning !== ''));
}

async function selectTexts(tx: Tx, tenantId: string, kind: SpaceKind, refs: readonly string[]) {
  switch (kind) {
    case 'memory': {
      const { rows } = await sql<{ id: string; text: string }>`
        select id, text from memories where tenant_id = ${tenantId} and id = any(${refs}::uuid[])`.execute(tx);
      return rows.map(({ id, text }) => memoryText(id, text));
    }
    case 'message': {
      const { rows } = await sql<{ ref: string; text: string }>`
        select name as ref, left(message_content(m), ${MESSAGE_LENGTH}) as text
        from unnest(${refs}::text[]) as wanted(name)
        join messages m on m.session_id = split_part(name, ':', 1)::uuid and m.position = split_part(name, ':', 2)::int
        where m.tenant_id = ${tenantId}`.execute(tx);
      return rows.map(({ ref, text }) => ({ ref, fields: [], meaning: text }));
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
        left join documents d on d.version_id = p.version_id left join loose_versions v on v.id = p.version_id
        where c.tenant_id = ${tenantId} and c.id = any(${refs}::uuid[])
        order by c.id, d.id`.execute(tx);
      return rows.map(({ title, ...chunk }) => chunkText(title, chunk));
    }
  }
}
