import type { Protocol } from './reply.ts';
import { isRecord } from '@reeve/kit';
import { plainText, records } from './text.ts';

/** Embeddings of OpenAI and compatible servers, and of Gemini, one text or several. Answered as one JSON body. */
export const embeddings: Protocol = {
  name: 'embeddings',
  matches: (path) => path.endsWith('/embeddings') || /:(batchEmbedContents|embedContent)$/.test(path),
  read: (path, body) => ({
    model: typeof body.model === 'string' ? body.model : (/models\/([^:]+):/.exec(path)?.[1] ?? ''),
    messages: textsOf(body).map((text) => ({ role: 'user', text, toolCalls: [] })),
    tools: [],
  }),
  chunks: (reply, { path, messages }) => {
    const vectors = reply.vectors ?? messages.map((_, index) => [index, 0.5, -0.5]);
    const whole = JSON.stringify(bodyOf(path, vectors, reply.usage === null ? undefined : reply.usage?.inputTokens));
    const half = Math.ceil(whole.length / 2);
    return [whole.slice(0, half), whole.slice(half)];
  },
  closing: 1,
  error: (status, message, { code }) => ({
    error: { message, type: 'fake_error', code: code ?? status, status: 'FAKE' },
  }),
  errorChunk: (message) => JSON.stringify({ error: { message } }),
};

function textsOf(body: Record<string, unknown>): string[] {
  if (Array.isArray(body.input)) return body.input.map(String);
  const contents = isRecord(body.content) ? [body.content] : records(body.requests).map(({ content }) => content);
  return contents.map((content) => plainText(isRecord(content) ? content.parts : undefined));
}

function bodyOf(path: string, vectors: readonly (readonly number[])[], tokens: number | undefined): unknown {
  if (path.endsWith('/embeddings')) {
    return {
      object: 'list',
      data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
      ...(tokens !== undefined && { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
    };
  }
  const list = vectors.map((values) => ({ values }));
  return path.endsWith(':embedContent') ? { embedding: list[0] } : { embeddings: list };
}
