export { findTexts, isTelling } from './find-texts.ts';
export type { FoundTexts } from './find-texts.ts';
export { fuseRankings } from './fuse.ts';
export type { Fused } from './fuse.ts';
export { analyze, stemEnglish } from './lexical/analyze.ts';
export { rankTexts } from './lexical/rank.ts';
export type { RankedText, Ranking } from './lexical/rank.ts';
export { removeSpace, removeSpaces } from './lexical/remove.ts';
export { analyzeTexts, indexTexts, unindexTexts } from './lexical/write.ts';
export type { AnalyzedText } from './lexical/write.ts';
export {
  clearSpace,
  ensureSpace,
  findSpaces,
  findStaleSpaces,
  finishRenewal,
  lockSpace,
  lockStale,
  noteRenewed,
} from './space.ts';
export type { Space, SpaceKey, StaleSpace } from './space.ts';
export type { IndexedText } from './text.ts';
export { openQueryEmbedder } from './vectors/embed-query.ts';
export type { EmbedQuery, QueryVector } from './vectors/embed-query.ts';
export type { Embedder, Embedders } from './vectors/embedder.ts';
export { createMatrix, unit } from './vectors/matrix.ts';
export { rankingOf } from './vectors/ranking.ts';
export type { VectorRanking } from './vectors/ranking.ts';
export type { ReadTexts } from './vectors/read-texts.ts';
export { createEmbeddingWorker, startEmbedding } from './vectors/worker.ts';
export type { EmbeddingOptions } from './vectors/worker.ts';
