// Runs an embedding model in a process of its own: its memory is bounded there, and what it computes keeps nobody waiting.
import { answerQuestions } from '@reeve/kit/worker';
import type { ModelFolder } from './folder.ts';
import { loadModel, type OnnxModel, type OnnxVectors } from './session.ts';

/** Texts to embed, with the model, which is loaded with the first of them. */
export interface OnnxQuestion {
  readonly folder: ModelFolder;
  readonly texts: readonly string[];
}

let loading: Promise<OnnxModel> | undefined;

answerQuestions<OnnxQuestion, OnnxVectors>(async ({ folder, texts }) => {
  loading ??= loadModel(folder);
  try {
    await loading;
  } catch (error) {
    loading = undefined;
    throw error;
  }
  return (await loading).embed(texts);
});
