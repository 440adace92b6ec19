export { openAskVector } from './ask.ts';
export type { AskVector, QueryVector } from './ask.ts';
export type { Embedder, Embedders } from './embedder.ts';
export { expireHolds } from './space.ts';
export { startEmbedding } from './worker.ts';
