// Runs an embedding model in a process of its own: its memory is bounded there, and what it computes keeps nobody waiting.
import { answerQuestions } from '@reeve/kit/worker';
import type { ModelFolder } from './model-folder.ts';
import { loadModel, type OnnxModel, type OnnxVectors } from './session.ts';

/** Texts to embed, with the model, which is loaded with the first of them. */
export interface OnnxQuestion {
  readonly folder: ModelFolder;
  readonly texts: readonly string[];
}

/** What came of them. A model that cannot be used at all is no answer: the question is refused. */
export type OnnxAnswer = OnnxVectors | { readonly textFault: string };

/** A text that no model that works could fail at. */
const HARMLESS = 'text';

let loading: Promise<OnnxModel> | undefined;

answerQuestions<OnnxQuestion, OnnxAnswer>(async ({ folder, texts }) => {
  // Who asked ends a process that refused, and with it what could not be loaded.
  const model = await (loading ??= loadModel(folder));
  try {
    return await model.embed(texts);
  } catch (error) {
    await model.embed([HARMLESS]);
    return { textFault: error instanceof Error ? error.message : String(error) };
  }
});
