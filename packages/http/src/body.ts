import type { IncomingMessage } from 'node:http';
import { fieldMessage, ReeveError } from '@reeve/kit';

/** Bytes that a JSON body may have. */
export const BODY_LIMIT = 1024 * 1024;

/** Levels of objects and arrays that a JSON body may have. */
const DEPTH_LIMIT = 64;

/**
 * The body as JSON, `undefined` where there is none; read from the connection where that is given. Throws `payload_too_large` past the limit (without reading on),
 * `unsupported_media_type` for anything but JSON, and `invalid_request` for malformed JSON or UTF-8, and for what
 * could not be kept as it was sent: lone surrogates, numbers beyond a double (RFC 7493), bottomless nesting
 * and the name `__proto__`.
 */
export async function readJson(request: Request, incoming?: IncomingMessage, maxBytes = BODY_LIMIT): Promise<unknown> {
  const length = Number(request.headers.get('content-length') ?? '0');
  if (length > maxBytes) throw tooLarge(maxBytes);
  const bytes = await (incoming === undefined ? readLimited(request.body, maxBytes) : readIncoming(incoming, maxBytes));
  if (bytes.length === 0) return undefined;
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ReeveError(
      'unsupported_media_type',
      `Content-Type must be application/json, this is ${type === '' ? 'missing' : JSON.stringify(type.slice(0, 100))}`,
    );
  }
  return keepable(
    parse(() => decoder.decode(bytes), 'the body'),
    'body',
  );
}

/** The value, where it could be kept as it was sent. */
function keepable(value: unknown, what: string): unknown {
  const fault = faultOf(value, 0);
  if (fault === undefined) return value;
  const path = fault.path.length === 0 ? what : fault.path.join('.').slice(0, 200);
  const detail = { path, message: fault.message };
  throw new ReeveError('invalid_request', fieldMessage(detail), { details: [detail] });
}

/** A text as JSON; `what` names it. Throws `invalid_request` as `readJson` does. */
export function parseJson(text: string, what: string): unknown {
  return keepable(
    parse(() => text, what),
    what,
  );
}

function parse(read: () => string, what: string): unknown {
  try {
    return JSON.parse(read()) as unknown;
  } catch (error) {
    throw new ReeveError('invalid_request', `${what} is not valid JSON: ${(error as Error).message.slice(0, 200)}`, {
      cause: error,
    });
  }
}

interface Fault {
  readonly path: readonly string[];
  readonly message: string;
}

/** The first thing in a value that could not be kept as it is. */
function faultOf(value: unknown, depth: number): Fault | undefined {
  if (typeof value === 'string')
    return value.isWellFormed() ? undefined : { path: [], message: 'must be Unicode text without lone surrogates' };
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : { path: [], message: 'must be a number that a double can hold' };
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === DEPTH_LIMIT) return { path: [], message: `must not nest deeper than ${DEPTH_LIMIT} levels` };
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const fault = faultOf(value[index], depth + 1);
      if (fault !== undefined) return below(String(index), fault);
    }
    return undefined;
  }
  for (const [name, item] of Object.entries(value)) {
    if (name === '__proto__') return { path: [name], message: 'is not a name that a field can have' };
    const fault = faultOf(name, depth) ?? faultOf(item, depth + 1);
    if (fault !== undefined) return below(name.toWellFormed(), fault);
  }
  return undefined;
}

function below(name: string, { path, message }: Fault): Fault {
  return { path: [name, ...path], message };
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The body as it comes, whatever its type; from the connection where that is given. Throws `payload_too_large` past the limit,
 * and `cancelled` where the caller goes away in the middle.
 */
export async function* readUpload(
  request: Request,
  incoming: IncomingMessage | undefined,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void> {
  if (Number(request.headers.get('content-length') ?? '0') > maxBytes) throw tooLarge(maxBytes);
  // What ends early answers by the same connection.
  const chunks: AsyncIterable<Uint8Array> = incoming?.iterator({ destroyOnReturn: false }) ?? request.body ?? nothing();
  let total = 0;
  try {
    for await (const chunk of chunks) {
      total += chunk.length;
      if (total > maxBytes) throw tooLarge(maxBytes);
      yield chunk;
    }
  } catch (error) {
    if (incoming?.destroyed && !incoming.readableEnded) throw cutOff();
    throw error;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}

async function readLimited(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of body ?? []) {
    total += chunk.length;
    if (total > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** Without the streams of the web around it, which cost more than the body. */
function readIncoming(incoming: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let total = 0;
    const fail = (error: Error) => {
      incoming.off('data', take);
      reject(error);
    };
    const take = (chunk: Buffer) => {
      total += chunk.length;
      chunks.push(chunk);
      if (total > maxBytes) fail(tooLarge(maxBytes));
    };
    incoming.on('data', take);
    incoming.once('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    incoming.once('error', fail);
    incoming.once('close', () => incoming.readableEnded || fail(cutOff()));
    if (incoming.destroyed) fail(cutOff());
  });
}

function cutOff(): ReeveError {
  return new ReeveError('cancelled', 'the request was cut off in the middle of its body');
}

function tooLarge(maxBytes: number): ReeveError {
  return new ReeveError('payload_too_large', `the body is larger than ${maxBytes / BODY_LIMIT} MiB`);
}
