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

/** Bytes of a request that may hold images and files. */
export const FILES_BODY_BYTES = 32 * 1024 * 1024;

/** An image or a file as a data: URL; an image also by its address. */
const FileUrl = text(0, FILES_BODY_BYTES);

/** A part of a message, of which clients of several protocols fill several fields. */
export const ContentPart = z.object({
  type: text(1, 200),
  text: text(0, MESSAGE_LENGTH).nullish(),
  refusal: text(0, MESSAGE_LENGTH).nullish(),
  image_url: z
    .union([FileUrl, z.object({ url: FileUrl })])
    .nullish()
    .describe('Of `image_url` and `input_image`: a data: URL in base64.'),
  file: z
    .object({ filename: text(0, 1_000).nullish(), file_data: FileUrl.nullish() })
    .nullish()
    .describe('Of `file`: a data: URL in base64.'),
  filename: text(0, 1_000).nullish(),
  file_data: FileUrl.nullish().describe('Of `input_file`: a data: URL in base64.'),
  url: FileUrl.nullish().describe('Of `file` in the AI SDK: a data: URL in base64.'),
  mediaType: text(0, 200).nullish(),
});
export type ContentPart = z.infer<typeof ContentPart>;
export const Content = z.union([text(0, MESSAGE_LENGTH), z.array(ContentPart).max(1_000)]);

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
