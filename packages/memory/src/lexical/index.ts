export { analyze } from './analyze.ts';
export { rankTexts } from './rank.ts';
export type { RankedText, Ranking } from './rank.ts';
export { ensureSpace, findSpaces, removeSpace } from './space.ts';
export type { Space, SpaceKind } from './space.ts';
export { indexTexts, unindexTexts } from './write.ts';
export type { LexicalText } from './write.ts';
