import { z } from 'zod';
import { text } from '../common.ts';
import type { Failure, FailureShape } from '../route.ts';

/** What every wire that OpenAI defined says of a failure. */
export const OpenAiError = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string().describe('`invalid_request_error`, `rate_limit_error`, `server_error`, …'),
      param: z.string().nullable().describe('The field that was wrong.'),
      code: z.string().nullable().describe('Our reason; `model_not_found` where there is no such model or agent.'),
    }),
  })
  .meta({ id: 'OpenAiError' });
export type OpenAiError = z.infer<typeof OpenAiError>;

/** A failure in OpenAI’s words. */
export function openAiError({ error: message, code, details, status }: Failure): OpenAiError {
  const param = details?.[0]?.path ?? null;
  const unknownModel = code === 'not_found' && param === 'model';
  return { error: { message, type: typeOf(status), param, code: unknownModel ? 'model_not_found' : code } };
}

export const openAiFailures: FailureShape = { schema: OpenAiError, of: openAiError };

/** The AI SDK shows the body of a failed answer to its user: it is the message and nothing else. */
export const plainFailures: FailureShape = {
  schema: z.string().describe('What was wrong. The AI SDK makes it the message of its error.'),
  of: ({ error }) => error,
  produces: 'text/plain; charset=utf-8',
};

/** Names a conversation: a session’s id, or any other text, which then always means the same session of the tenant. */
export const SessionName = text(1, 200);

/** The name of a function that a model may call. */
export const ToolName = text(1, 64).regex(/^[A-Za-z0-9_-]+$/, 'must be letters, digits, - and _');

/** The longest text that one message may have. */
export const MESSAGE_LENGTH = 1_000_000;

function typeOf(status: number): string {
  if (status >= 500) return 'server_error';
  return TYPES[status] ?? 'invalid_request_error';
}

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'insufficient_quota',
  403: 'permission_error',
  429: 'rate_limit_error',
};
