import { isUtf8 } from 'node:buffer';
import { Readable, type Duplex } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { OutgoingAnswer } from '@reeve/http';
import { ReeveError } from '@reeve/kit';

/** A body as text, with its media type: without parameters, in lower case, empty where the server names none. */
export interface WebText {
  readonly mediaType: string;
  /** Undefined where the body is not text. */
  readonly text: string | undefined;
  /** Bytes of the body as it came. */
  readonly bytes: number;
  readonly truncated: boolean;
}

/** What servers may send although they were asked for no encoding. Input that was cut gives what it holds. */
const DECODERS: Readonly<Record<string, () => Duplex>> = {
  gzip: () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  'x-gzip': () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ finishFlush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: () => createZstdDecompress({ finishFlush: constants.ZSTD_e_flush }),
};

/**
 * The body of an answer as text of at most `maxBytes`, unpacked no further than that. Bytes that are wrong in their encoding
 * become U+FFFD. Throws `upstream_error` for a body that cannot be unpacked.
 */
export async function readText(answer: OutgoingAnswer, maxBytes: number): Promise<WebText> {
  const { headers, body } = answer;
  const unpacked = await unpack(body, headers['content-encoding'] ?? '', maxBytes);
  const truncated = answer.truncated || unpacked.truncated;
  const [mediaType = '', ...parameters] = (headers['content-type'] ?? '').split(';').map((part) => part.trim());
  const charset = parameters.find((part) => /^charset=/i.test(part))?.slice(8) ?? '';
  const kind = mediaType.toLowerCase();
  const text = isText(kind, unpacked.bytes) ? decode(unpacked.bytes, charset, truncated) : undefined;
  return { mediaType: kind, text, bytes: body.length, truncated };
}

async function unpack(
  body: Buffer,
  encodings: string,
  maxBytes: number,
): Promise<{ bytes: Buffer; truncated: boolean }> {
  const named = encodings
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  const [name] = named;
  if (name === undefined) return cutTo(body, maxBytes);
  const decoder = DECODERS[name];
  if (decoder === undefined || named.length > 1)
    throw new ReeveError(
      'upstream_error',
      `the answer is encoded as ${JSON.stringify(encodings)}, which cannot be read`,
    );
  const chunks: Buffer[] = [];
  let total = 0;
  try {
    for await (const chunk of Readable.from([body]).compose(decoder()) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      total += chunk.length;
      if (total > maxBytes) break;
    }
  } catch (cause) {
    throw new ReeveError('upstream_error', `the answer says that it is ${name} and is not`, { cause });
  }
  return cutTo(Buffer.concat(chunks), maxBytes);
}

function cutTo(bytes: Buffer, maxBytes: number): { bytes: Buffer; truncated: boolean } {
  return { bytes: bytes.subarray(0, maxBytes), truncated: bytes.length > maxBytes };
}

function isText(kind: string, bytes: Buffer): boolean {
  if (/^text\/|[/+](json|xml|javascript|yaml|x-ndjson|x-www-form-urlencoded)$/.test(kind)) return true;
  if (kind !== '' && kind !== 'application/octet-stream') return false;
  return !bytes.includes(0) && isUtf8(bytes);
}

function decode(bytes: Buffer, charset: string, truncated: boolean): string {
  const label = charset.replace(/^"(.*)"$/, '$1');
  try {
    return new TextDecoder(label === '' ? 'utf-8' : label).decode(bytes, { stream: truncated });
  } catch {
    return new TextDecoder().decode(bytes, { stream: truncated });
  }
}
