export { forget, recall, recallContext, remember } from './memories.ts';
export type { RememberWanted } from './memories.ts';
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
