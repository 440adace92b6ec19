import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelFolder } from './model-folder.ts';

const SETTINGS = [
  'tokenizer.json',
  'tokenizer_config.json',
  'config.json',
  'sentence_bert_config.json',
  '1_Pooling/config.json',
];

const PIECE = 2 ** 20;
const known = new Map<string, string>();

/**
 * SHA-256 of the files that decide about a model's vectors, in hexadecimal. Files are read piece by piece, and again only where
 * their time or size has changed.
 */
export function digestOf({ path, modelFile, dataFile }: Pick<ModelFolder, 'path' | 'modelFile' | 'dataFile'>): string {
  const files = [modelFile, dataFile, ...SETTINGS.map((name) => join(path, name))].flatMap((file) => {
    const found = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
    return file === undefined || found === undefined ? [] : [{ file, state: [file, found.size, found.mtimeMs] }];
  });
  const key = JSON.stringify(files.map(({ state }) => state));
  const found = known.get(key);
  if (found !== undefined) return found;
  const hash = createHash('sha256');
  for (const { file } of files) addFile(hash, file);
  const digest = hash.digest('hex');
  known.set(key, digest);
  return digest;
}

function addFile(hash: Hash, file: string): void {
  const piece = Buffer.allocUnsafe(PIECE);
  const opened = openSync(file, 'r');
  try {
    for (let read = readSync(opened, piece); read > 0; read = readSync(opened, piece))
      hash.update(piece.subarray(0, read));
  } finally {
    closeSync(opened);
  }
}
