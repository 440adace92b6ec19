import { RagContextInput, RecallInput, RememberInput, routes } from '@reeve/contract';
import { Memory } from '@reeve/contract/proto/reeve/v1/memory';
import { inTenant, type Database, type Tx } from '@reeve/db';
import { parseJson, requireAccess, validate } from '@reeve/http';
import { callerOf, type Caller, type RpcService } from '@reeve/rpc';
import { embedderFor, type EmbedMemoryQuery, type MemoryQuery, type QueryEmbedders } from './query-embedders.ts';
import type { MemoryRules, MemoryRulesOf } from './care/sensitive.ts';
import { ragContext } from './knowledge/routes.ts';
import { recall, remember } from './memories.ts';
import { storePlaybook } from './playbooks/routes.ts';
import { appendMessages, ensureSession, listMessages, requireSession } from './sessions.ts';

/** The context of a method: the caller, and a transaction of their tenant. */
interface Work {
  readonly tx: Tx;
  readonly tenantId: string;
  readonly rules: MemoryRules;
  readonly who: { tenantId: string; userId: string; traceId: string };
  /** The vector of a method’s query, if it has one. */
  readonly asked: MemoryQuery | undefined;
}

/** The `Memory` service: the same rules as the routes, each method one transaction. */
export function memoryService(
  { db }: Pick<Database, 'db'>,
  rulesOf: MemoryRulesOf,
  queryEmbedders: QueryEmbedders = {},
): RpcService {
  const within = async <T>(
    call: Parameters<typeof callerOf>[0],
    role: Caller['principal']['role'],
    work: (of: Work) => Promise<T>,
    query?: { readonly text: string; readonly ask: EmbedMemoryQuery | undefined },
  ): Promise<T> => {
    const { principal, context } = callerOf(call);
    requireAccess(principal, role);
    const { tenantId, userId } = principal;
    const rules = await rulesOf(tenantId);
    const asked = query === undefined ? undefined : await query.ask?.(tenantId, query.text);
    const who = { tenantId, userId, traceId: context.traceId };
    return inTenant(db, tenantId, (tx) => work({ tx, tenantId, rules, who, asked }));
  };
  return {
    service: Memory,
    routes: (router) =>
      router.service(Memory, {
        getSessionHistory: ({ sessionId, limit }, call) => {
          const { session_id: id } = validate(routes.getLatestMemory.query!, { session_id: sessionId }, 'body');
          const { limit: count } = validate(routes.getSession.query!, { limit: limit || HISTORY }, 'body');
          return within(call, 'viewer', async ({ tx, tenantId }) => {
            await requireSession(tx, tenantId, id);
            const messages = await listMessages(tx, tenantId, id, { limit: count });
            return {
              messages: messages.map(({ created_at: createdAt, run_id: runId, ...message }) => ({
                ...message,
                createdAt,
                runId: runId ?? '',
              })),
            };
          });
        },
        appendMessages: ({ sessionId: session_id, messages }, call) => {
          const history = messages.map(({ role, content }) => ({ role, content }));
          const body = validate(routes.storeMemory.body!, { session_id, history }, 'body');
          return within(call, 'member', async ({ tx, tenantId }) => {
            const [first] = body.history;
            if (first === undefined) return { positions: [] };
            await ensureSession(tx, { tenantId, sessionId: body.session_id, title: first.content });
            return { positions: await appendMessages(tx, tenantId, body.session_id, body.history) };
          });
        },
        getRAGContext: ({ query, topK, knowledgeBases, personaId, ...filter }, call) => {
          const body = validate(
            RagContextInput,
            {
              query,
              ...(topK !== 0 && { top_k: topK }),
              ...(knowledgeBases.length > 0 && { knowledge_bases: knowledgeBases }),
              ...(personaId !== '' && { persona_id: personaId }),
              ...filterOf(filter),
            },
            'body',
          );
          const find = async ({ tx, tenantId, asked }: Work) => {
            const { matches, retrieval } = await ragContext(tx, tenantId, body, asked);
            return {
              retrieval,
              matches: matches.map(({ document_id, persona_id, knowledge_base, source, title, page, ...match }) => ({
                ...match,
                documentId: document_id,
                personaId: persona_id,
                knowledgeBase: knowledge_base,
                source: source ?? '',
                title: title ?? '',
                page: page ?? 0,
              })),
            };
          };
          return within(call, 'viewer', find, { text: body.query, ask: queryEmbedders.embedKnowledgeQuery });
        },
        remember: ({ text, tags, personaId, ttlS }, call) => {
          const body = validate(
            RememberInput,
            {
              text,
              tags,
              ...(personaId !== '' && { persona_id: personaId }),
              ...(ttlS !== 0n && { ttl_s: Number(ttlS) }),
            },
            'body',
          );
          return within(call, 'member', ({ tx, who, rules }) => remember(tx, who, body, rules));
        },
        recall: ({ query, topK, personaId, kinds, halfLifeDays, ...filter }, call) => {
          const body = validate(
            RecallInput,
            {
              query,
              ...(topK !== 0 && { top_k: topK }),
              ...(personaId !== '' && { persona_id: personaId }),
              ...(kinds.length > 0 && { kinds }),
              ...(halfLifeDays !== 0 && { half_life_days: halfLifeDays }),
              ...filterOf(filter),
            },
            'body',
          );
          const find = async ({ tx, tenantId, asked }: Work) => {
            const { matches, retrieval, backend } = await recall(tx, tenantId, body, asked);
            return {
              retrieval,
              backend,
              matches: matches.map(({ source, created_at: createdAt, superseded_by: supersededBy, ...match }) => ({
                ...match,
                createdAt,
                supersededBy: supersededBy ?? '',
                sessionId: source.session_id ?? '',
                runId: source.run_id ?? '',
              })),
            };
          };
          return within(call, 'viewer', find, { text: body.query, ask: embedderFor(queryEmbedders, body.kinds) });
        },
        storePlaybook: ({ sessionId: session_id, prompt, calls, personaId }, call) => {
          const history_sequence = calls.map(({ tool, argsJson }) => ({
            tool,
            args: argsJson.trim() === '' ? {} : parseJson(argsJson, 'args_json'),
          }));
          const persona = personaId === '' ? {} : { persona_id: personaId };
          const body = validate(
            routes.storePlaybook.body!,
            { session_id, prompt, history_sequence, ...persona },
            'body',
          );
          return within(call, 'member', ({ tx, who, rules }) => storePlaybook(tx, who, body, rules));
        },
      }),
  };
}

/** The filters of a search, as in the routes; empty texts count as absent. */
function filterOf({ tags, from, to }: { tags: string[]; from: string; to: string }) {
  return { tags, ...(from !== '' && { from }), ...(to !== '' && { to }) };
}

/** Default number of messages. */
const HISTORY = 200;
