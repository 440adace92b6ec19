export { embedderFor } from './query-embedders.ts';
export type { EmbedMemoryQuery, MemoryQuery, QueryEmbedders } from './query-embedders.ts';
export { noteForExtraction } from './care/extract.ts';
export { releaseExtractions } from './care/extraction-store.ts';
export { startMemoryExtractor } from './care/extractor.ts';
export { DEFAULT_RULES, memoryRules } from './care/sensitive.ts';
export type { MemoryRules, MemoryRulesOf } from './care/sensitive.ts';
export { contextFor } from './context.ts';
export type { ContextQuery } from './context.ts';
export type { RunContextItem } from './run-context-item.ts';
export { createExternalMemory, disableStores, openExternalQuery, startExternalSender } from './external/index.ts';
export type { ExternalMemory, ExternalState, SenderState } from './external/index.ts';
export { refreshBodies } from './knowledge/body.ts';
export type { BodyNote } from './knowledge/body.ts';
export { mountKnowledge } from './knowledge/routes.ts';
export type { KnowledgeParts } from './knowledge/documents.ts';
export { holdPersona } from './knowledge/personas.ts';
export { listPersonaRows as listPersonas } from './knowledge/persona-store.ts';
export { newestDocuments, readDocument } from './knowledge/readings.ts';
export type { PlacedDocument } from './knowledge/readings.ts';
export { listSessions } from './store.ts';
export { mountPlaybooks } from './playbooks/routes.ts';
export { recordPlaybookFailures, followedPlaybooks, learnPlaybook } from './playbooks/playbooks.ts';
export { startMemoryEmbedding } from './embedding.ts';
export { startMemoryIndexer } from './indexer.ts';
export { forget, forgetAs, recall, recallAs, remember } from './memories.ts';
export type { RememberWanted } from './memories.ts';
export { unindexRun } from './message-index.ts';
export { mountMemory } from './routes.ts';
export type { NewMessage, Requester } from './session.ts';
export {
  appendMessages,
  ensureSession,
  exportSession,
  forkSession,
  listMessages,
  removeSession,
  renameSession,
  requireSession,
} from './sessions.ts';
export type { SessionWanted } from './sessions.ts';
