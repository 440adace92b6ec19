import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * Models that are small enough to be looked through: eight numbers a word, made with Python's `onnx` (opset 17). A token's vector is
 * that of its word and its place (one of 16: a longer text fails), and half of the mean over the mask of all; words that mean the
 * same are near each other, padding is far from everything, and so is a token of the second type. `tiny` takes token_type_ids and
 * answers last_hidden_state; `sentence.onnx` takes none and answers sentence_embedding beside token_embeddings; `classifier.onnx`
 * answers logits.
 */

export const FIXTURES = join(import.meta.dirname, 'fixtures');
export const TINY = join(FIXTURES, 'tiny');

/** A copy of `tiny`, to be changed; disposing removes it. */
export function copyTiny(): { readonly path: string; of(name: string): string } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), 'reeve-onnx-'));
  const path = join(directory, 'tiny');
  cpSync(TINY, path, { recursive: true });
  return {
    path,
    of: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}
