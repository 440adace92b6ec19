import { routes, type KnowledgeBase, type KnowledgeMatch, type RagContextInput, type Retrieval } from '@reeve/contract';
import { inTenant, type Tx } from '@reeve/db';
import { requesterOf, requireAccess, type App, type Principal } from '@reeve/http';
import { invalidField } from '@reeve/kit';
import { listDocumentRows, selectChunks } from './document-store.ts';
import { addDocument, removeDocument, requireBase, requireDocument, type KnowledgeParts } from './documents.ts';
import { listPersonaRows } from './persona-store.ts';
import { createPersona, personaIdOf, removePersona, requirePersona, updatePersona } from './personas.ts';
import type { QueryVector } from '@reeve/retrieval';
import { searchKnowledge } from './search.ts';

/** Mounts the routes of personas and their knowledge bases. */
export function mountKnowledge(app: App, parts: KnowledgeParts): void {
  const { db } = parts.database;

  app.mount(routes.createPersona, (call) =>
    inTenant(db, call.principal.tenantId, (tx) => createPersona(tx, requesterOf(call), call.body)),
  );
  app.mount(routes.listPersonas, ({ principal: { tenantId }, query: { q, limit, offset } }) =>
    inTenant(db, tenantId, async (tx) => ({
      ...(await listPersonaRows(tx, tenantId, q, { limit, offset })),
      limit,
      offset,
    })),
  );
  app.mount(routes.getPersona, ({ principal: { tenantId }, params: { id } }) =>
    inTenant(db, tenantId, (tx) => requirePersona(tx, tenantId, id)),
  );
  app.mount(routes.updatePersona, (call) =>
    inTenant(db, call.principal.tenantId, (tx) => updatePersona(tx, requesterOf(call), call.params.id, call.body)),
  );
  app.mount(routes.deletePersona, async (call) => {
    await removePersona(db, requesterOf(call), call.params.id);
    return null;
  });

  app.mount(routes.addDocument, (call) => {
    const { params, body, file, principal, signal } = call;
    requireWriter(principal, params.kb);
    const { text, ...fields } = body;
    if ((text === undefined) === (file === undefined))
      throw invalidField(
        'text',
        file === undefined ? 'is required where no file is sent' : 'must be left out beside a file',
      );
    const content = file === undefined ? { bytes: Buffer.from(text!), name: '', mediaType: 'text/markdown' } : file;
    return addDocument(parts, requesterOf(call), params.id, params.kb, content, fields, signal);
  });
  app.mount(routes.listDocuments, ({ principal: { tenantId }, params, query: { limit, offset, ...filter } }) =>
    inTenant(db, tenantId, async (tx) => {
      const base = await requireBase(tx, tenantId, params.id, params.kb);
      return { ...(await listDocumentRows(tx, base, filter, { limit, offset })), limit, offset };
    }),
  );
  app.mount(routes.getDocument, ({ principal: { tenantId }, params }) =>
    inTenant(db, tenantId, async (tx) =>
      requireDocument(tx, await requireBase(tx, tenantId, params.id, params.kb), params.document_id),
    ),
  );
  app.mount(routes.listChunks, ({ principal: { tenantId }, params, query: { limit, offset } }) =>
    inTenant(db, tenantId, async (tx) => {
      const base = await requireBase(tx, tenantId, params.id, params.kb);
      const { id, chunk_count: total } = await requireDocument(tx, base, params.document_id);
      return { chunks: await selectChunks(tx, id, { limit, offset }), total, limit, offset };
    }),
  );
  app.mount(routes.deleteDocument, async (call) => {
    const { principal, params } = call;
    requireWriter(principal, params.kb);
    await removeDocument(db, requesterOf(call), params.id, params.kb, params.document_id);
    return null;
  });

  app.mount(routes.searchKnowledge, async (call) => {
    const { principal, params, body, signal } = call;
    const { tenantId } = principal;
    const asked = await parts.embedQuery?.(tenantId, body.query, signal);
    return inTenant(db, tenantId, async (tx) => {
      const { personaId } = await requireBase(tx, tenantId, params.id, params.kb);
      const { top_k: topK, ...wanted } = body;
      return searchKnowledge(tx, tenantId, { ...wanted, topK, knowledgeBases: [params.kb], personaId, asked });
    });
  });
  app.mount(routes.getRagContext, async ({ principal: { tenantId }, body, signal }) => {
    const asked = await parts.embedQuery?.(tenantId, body.query, signal);
    return inTenant(db, tenantId, (tx) => ragContext(tx, tenantId, body, asked));
  });
}

/** Searches knowledge bases. Throws `not_found` for the persona. */
export async function ragContext(
  tx: Tx,
  tenantId: string,
  { top_k: topK, knowledge_bases: knowledgeBases, persona_id: persona, ...wanted }: RagContextInput,
  asked?: QueryVector,
): Promise<{ matches: KnowledgeMatch[]; retrieval: Retrieval }> {
  const personaId = await personaIdOf(tx, tenantId, persona ?? null);
  return searchKnowledge(tx, tenantId, { ...wanted, topK, knowledgeBases, personaId, asked });
}

/** A Soul sets limits on a persona, so changing it requires an operator. */
function requireWriter(principal: Principal, knowledgeBase: KnowledgeBase): void {
  requireAccess(principal, knowledgeBase === 'Soul-KB' ? 'operator' : 'member');
}
