export { openAskVector } from './ask.ts';
export type { AskVector, QueryVector } from './ask.ts';
export type { Embedder, Embedders } from './embedder.ts';
export { fuseRankings } from './fuse.ts';
export { createMatrix, unit } from './matrix.ts';
export { rankingOf } from './ranking.ts';
export type { VectorRanking } from './ranking.ts';
export { startEmbedding } from './worker.ts';
