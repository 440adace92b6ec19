/** What the first bytes of a connection reveal. */
export type Hello =
  /** More bytes are needed. */
  | { readonly kind: 'partial' }
  /** TLS, with the requested host name if it has one. */
  | { readonly kind: 'tls'; readonly serverName: string | undefined }
  | { readonly kind: 'other' };

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
/** Real first messages are shorter. */
const LONGEST = 64 * 1024;
const MOST_RECORDS = 16;

/** Reads the server name out of the beginning of a TLS connection (RFC 8446 §4.1.2, RFC 6066 §3). */
export function readHello(bytes: Buffer): Hello {
  const message = handshakeOf(bytes);
  if (message === 'partial') return bytes.length < LONGEST ? { kind: 'partial' } : { kind: 'other' };
  if (message === 'other') return { kind: 'other' };
  try {
    return { kind: 'tls', serverName: serverNameOf(message) };
  } catch {
    // A length that leads beyond the message.
    return { kind: 'other' };
  }
}

/** The first handshake message, put together from its records. */
function handshakeOf(bytes: Buffer): Buffer | 'partial' | 'other' {
  const parts: Buffer[] = [];
  let length = 0;
  let wanted: number | undefined;
  for (let at = 0; parts.length < MOST_RECORDS;) {
    if (bytes.length > at && bytes[at] !== HANDSHAKE) return 'other';
    if (bytes.length < at + 5) return 'partial';
    if (bytes[at + 1] !== 3) return 'other';
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    if (end === at + 5) return 'other';
    const part = bytes.subarray(at + 5, end);
    parts.push(part);
    length += part.length;
    if (wanted === undefined && length >= 4) {
      const head = Buffer.concat(parts).subarray(0, 4);
      if (head[0] !== CLIENT_HELLO) return 'other';
      wanted = 4 + head.readUIntBE(1, 3);
    }
    if (wanted !== undefined && length >= wanted) return Buffer.concat(parts).subarray(4, wanted);
    if (bytes.length < end) return 'partial';
    at = end;
  }
  return 'other';
}

function serverNameOf(hello: Buffer): string | undefined {
  let at = 2 + 32;
  at += 1 + hello.readUInt8(at);
  at += 2 + hello.readUInt16BE(at);
  at += 1 + hello.readUInt8(at);
  if (at === hello.length) return undefined;
  const end = at + 2 + hello.readUInt16BE(at);
  for (at += 2; at < end;) {
    const [type, length] = [hello.readUInt16BE(at), hello.readUInt16BE(at + 2)];
    if (type === SERVER_NAME) {
      const names = hello.subarray(at + 4, at + 4 + length);
      return names.readUInt8(2) === 0 ? names.subarray(5, 5 + names.readUInt16BE(3)).toString('latin1') : undefined;
    }
    at += 4 + length;
  }
  return undefined;
}
