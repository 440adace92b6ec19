import { parentPort } from 'node:worker_threads';

/** What a worker tells: that it is there, and then an answer for each question. */
export type WorkerAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly message: string };

/**
 * Inside a worker, a thread or a process: answers each question that comes; what `answer` throws or rejects with becomes a
 * refusal with its message.
 */
export function answerQuestions<Question, Answer>(answer: (question: Question) => Answer | Promise<Answer>): void {
  const tell = (message: WorkerAnswer) =>
    parentPort === null ? process.send!(message) : parentPort.postMessage(message);
  const reply = async (question: Question) => {
    try {
      tell({ kind: 'answer', value: await answer(question) });
    } catch (error) {
      tell({ kind: 'refused', message: error instanceof Error ? error.message : String(error) });
    }
  };
  (parentPort ?? process).on('message', (question: Question) => void reply(question));
  tell({ kind: 'ready' });
}
