export { chunkDocument } from './chunk.ts';
export type { Chunk } from './chunk.ts';
export { plainText } from './document.ts';
export type { Block, Body, Heading, ReadDocument } from './document.ts';
export { canRead, mediaTypesOf } from './formats.ts';
export { openDocumentReader } from './reader.ts';
export type { DocumentFile, DocumentReader, DocumentReaderOptions } from './reader.ts';
export type { CutDocument } from './read-worker.ts';
