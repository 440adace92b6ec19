export { startMemoryIndexer } from './indexer.ts';
export { rankTexts } from './lexical/rank.ts';
export type { RankedText, Ranking } from './lexical/rank.ts';
export { clearSpace, ensureSpace, findSpaces, findStaleSpaces, removeSpace } from './lexical/space.ts';
export type { Space, SpaceKind, StaleSpace } from './lexical/space.ts';
export { indexTexts, unindexTexts } from './lexical/write.ts';
export type { LexicalText } from './lexical/write.ts';
export { forget, recall, recallContext, remember } from './memories.ts';
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
