export { analyze } from './analyze.ts';
export { rankTexts } from './rank.ts';
export type { RankedText, Ranking } from './rank.ts';
export { removeSpace, removeSpaces } from './remove.ts';
export { ensureSpace, findSpaces } from './space.ts';
export type { Space, SpaceKind } from './space.ts';
export { analyzeTexts, indexTexts, unindexTexts } from './write.ts';
export type { LexicalText } from './write.ts';
