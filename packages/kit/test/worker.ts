// What the tests of bounded workers ask: it answers, works on, fills its heap or its buffers, and fails.
import { answerQuestions } from '../src/worker-answers.ts';

export type TestQuestion =
  | { readonly kind: 'echo'; readonly text: string }
  | { readonly kind: 'spin'; readonly ms: number }
  | { readonly kind: 'objects' }
  | { readonly kind: 'buffers' }
  | { readonly kind: 'fail'; readonly text: string };

answerQuestions<TestQuestion, string>(async (question) => {
  const kept: unknown[] = [];
  switch (question.kind) {
    case 'echo':
      return question.text;
    case 'spin':
      for (const until = performance.now() + question.ms; performance.now() < until;);
      return 'done';
    case 'objects':
      for (;;) kept.push({ text: String(kept.length), more: [kept.length] });
    case 'buffers':
      for (;;) kept.push(new Uint8Array(16 * 1_048_576).fill(1));
    case 'fail':
      throw new Error(question.text);
  }
});
