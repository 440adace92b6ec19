import { routes } from '@reeve/contract';
import { inTenant, type Database } from '@reeve/db';
import { ByteStream, Reply, requesterOf, type App } from '@reeve/http';
import { embedderFor, type QueryEmbedders } from './query-embedders.ts';
import { proposeCleanup } from './care/cleanup.ts';
import { exportMemories } from './care/export.ts';
import { forgetAll } from './care/forget-all.ts';
import type { MemoryRulesOf } from './care/sensitive.ts';
import { personaIdOf } from './knowledge/personas.ts';
import { forget, recall, remember, requireMemory, updateMemory } from './memories.ts';
import { listMemoryRows } from './memory-store.ts';
import { messagesFrom } from './history.ts';
import {
  appendMessages,
  ensureSession,
  exportSession,
  importSession,
  listMessages,
  removeSession,
  renameSession,
  requireSession,
} from './sessions.ts';
import { listSessions } from './store.ts';

/** Messages that `GET /memory/latest` answers. */
const LATEST = 200;

/** Mounts the routes of sessions and memories. `deleted` removes a session’s data kept elsewhere; it does not throw. */
export function mountMemory(
  app: App,
  database: Database,
  rulesOf: MemoryRulesOf,
  deleted: (tenantId: string, sessionId: string) => Promise<void>,
  asks: QueryEmbedders = {},
): void {
  app.mount(routes.getLatestMemory, ({ principal: { tenantId }, query: { session_id } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const { id } = await requireSession(tx, tenantId, session_id);
      return { session_id: id, messages: await listMessages(tx, tenantId, id, { limit: LATEST }) };
    }),
  );

  app.mount(
    routes.storeMemory,
    ({ principal: { tenantId }, body: { session_id: sessionId, history, prompt, llm_response } }) => {
      const messages = messagesFrom(history, 'history');
      if (prompt !== undefined) messages.push({ role: 'user', content: prompt });
      if (llm_response !== undefined) messages.push({ role: 'assistant', content: llm_response });
      return inTenant(database.db, tenantId, async (tx) => {
        const [first] = messages;
        if (first !== undefined) await ensureSession(tx, { tenantId, sessionId, title: first.content });
        return { session_id: sessionId, stored: (await appendMessages(tx, tenantId, sessionId, messages)).length };
      });
    },
  );

  app.mount(routes.importSession, ({ principal: { tenantId }, body }) => {
    const messages = messagesFrom(body.messages, 'messages');
    return inTenant(database.db, tenantId, (tx) => importSession(tx, tenantId, { title: body.title, messages }));
  });

  app.mount(routes.listSessions, ({ principal: { tenantId }, query: { limit, offset, q } }) =>
    inTenant(database.db, tenantId, async (tx) => ({
      ...(await listSessions(tx, tenantId, q, { limit, offset })),
      limit,
      offset,
    })),
  );

  app.mount(routes.getSession, ({ principal: { tenantId }, params: { id }, query: { limit, offset } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const session = await requireSession(tx, tenantId, id);
      return {
        ...session,
        messages: await listMessages(tx, tenantId, id, { until: session.message_count - offset, limit }),
      };
    }),
  );

  app.mount(routes.renameSession, ({ principal: { tenantId }, params: { id }, body: { title } }) =>
    inTenant(database.db, tenantId, (tx) => renameSession(tx, tenantId, id, title)),
  );

  app.mount(routes.deleteSession, async (call) => {
    const { tenantId } = call.principal;
    await inTenant(database.db, tenantId, (tx) => removeSession(tx, requesterOf(call), call.params.id));
    await deleted(tenantId, call.params.id);
    return null;
  });

  app.mount(routes.exportSession, ({ principal: { tenantId }, params: { id } }) =>
    inTenant(database.db, tenantId, (tx) => exportSession(tx, tenantId, id)),
  );

  app.mount(routes.remember, async (call) => {
    const rules = await rulesOf(call.principal.tenantId);
    return inTenant(database.db, call.principal.tenantId, (tx) => remember(tx, requesterOf(call), call.body, rules));
  });

  app.mount(routes.recall, async ({ principal: { tenantId }, body, signal }) => {
    const asked = await embedderFor(asks, body.kinds)?.(tenantId, body.query, signal);
    return inTenant(database.db, tenantId, (tx) => recall(tx, tenantId, body, asked));
  });

  app.mount(routes.listMemories, ({ principal: { tenantId }, query: { persona_id: persona, tag, limit, offset } }) =>
    inTenant(database.db, tenantId, async (tx) => {
      const personaId = await personaIdOf(tx, tenantId, persona);
      return { ...(await listMemoryRows(tx, tenantId, { personaId, tag }, { limit, offset })), limit, offset };
    }),
  );

  // Before /api/v1/memory/{id}, which takes any word for an id; so does the next.
  app.mount(routes.exportMemories, async ({ principal: { tenantId }, query: { persona_id: persona } }) => {
    const personaId = await inTenant(database.db, tenantId, (tx) => personaIdOf(tx, tenantId, persona));
    const lines = ByteStream.ofLines((gone) => exportMemories(database, tenantId, personaId, gone));
    return new Reply(200, lines, routes.exportMemories.produces, {
      'content-disposition': 'attachment; filename="memories.jsonl"',
    });
  });

  app.mount(routes.proposeMemoryCleanup, async ({ principal: { tenantId }, query, signal }) => {
    const { persona_id: persona, after, limit, stale_days: staleDays } = query;
    const personaId = await inTenant(database.db, tenantId, (tx) => personaIdOf(tx, tenantId, persona));
    return proposeCleanup(database.db, tenantId, { personaId, after, limit, staleDays }, signal);
  });

  app.mount(routes.deleteMemories, async (call) => ({
    deleted: await inTenant(database.db, call.principal.tenantId, async (tx) =>
      forgetAll(tx, requesterOf(call), await personaIdOf(tx, call.principal.tenantId, call.query.persona_id)),
    ),
  }));

  app.mount(routes.getMemory, ({ principal: { tenantId }, params: { id } }) =>
    inTenant(database.db, tenantId, (tx) => requireMemory(tx, tenantId, id)),
  );

  app.mount(routes.updateMemory, async (call) => {
    const rules = await rulesOf(call.principal.tenantId);
    return inTenant(database.db, call.principal.tenantId, (tx) =>
      updateMemory(tx, requesterOf(call), call.params.id, call.body, rules),
    );
  });

  app.mount(routes.deleteMemory, async (call) => {
    await inTenant(database.db, call.principal.tenantId, (tx) => forget(tx, requesterOf(call), call.params.id));
    return null;
  });
}
