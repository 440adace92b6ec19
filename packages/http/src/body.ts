import { ReeveError } from '@reeve/kit';

/** Bytes that a JSON body may have. */
export const BODY_LIMIT = 1024 * 1024;

/**
 * The body as JSON, `undefined` where there is none. Throws `payload_too_large` past the limit (without reading on),
 * `unsupported_media_type` for anything but JSON, and `invalid_request` for malformed JSON or UTF-8.
 */
export async function readJson(request: Request): Promise<unknown> {
  const length = Number(request.headers.get('content-length') ?? '0');
  if (length > BODY_LIMIT) throw tooLarge();
  if (request.body === null) return undefined;
  const bytes = await readLimited(request.body);
  if (bytes.length === 0) return undefined;
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ReeveError('unsupported_media_type', `Content-Type must be application/json, this is ${type === '' ? 'missing' : JSON.stringify(type.slice(0, 100))}`);
  }
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch (error) {
    throw new ReeveError('invalid_request', `the body is not valid JSON: ${(error as Error).message.slice(0, 200)}`, { cause: error });
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

async function readLimited(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body) {
    total += chunk.length;
    if (total > BODY_LIMIT) throw tooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function tooLarge(): ReeveError {
  return new ReeveError('payload_too_large', 'the body is larger than 1 MiB');
}
