import { createHash, randomFillSync } from 'node:crypto';

/** Random bytes in store: asking for them one id at a time takes longer than everything else here. */
const store = Buffer.alloc(4096);
let taken = store.length;

let lastMs = 0;
let lastTime = '';
let sequence = 0;

/**
 * A UUID version 7 (RFC 9562): sorts by time, and within one process strictly by creation, since the twelve
 * bits behind the millisecond count up.
 */
export function newId(): string {
  const nowMs = Date.now();
  if (nowMs > lastMs) begin(nowMs, Number.parseInt(randomHex(2), 16) & 0x07ff);
  else if (++sequence > 0x0fff) begin(lastMs + 1, 0);
  const random = randomHex(8);
  const variant = ((Number.parseInt(random[0]!, 16) & 0x3) | 0x8).toString(16);
  return `${lastTime}-7${sequence.toString(16).padStart(3, '0')}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
}

/** The UUID version 8 (RFC 9562) that stands for a text: always the same, and nobody else's. */
export function idOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function begin(ms: number, first: number): void {
  const hex = ms.toString(16).padStart(12, '0');
  lastMs = ms;
  lastTime = `${hex.slice(0, 8)}-${hex.slice(8)}`;
  sequence = first;
}

/** So many random bytes as hexadecimal digits. */
function randomHex(bytes: number): string {
  if (taken + bytes > store.length) {
    randomFillSync(store);
    taken = 0;
  }
  taken += bytes;
  return store.toString('hex', taken - bytes, taken);
}

/** True for a text of the shape of a UUID, in any case and of any version. */
export function isUuidShaped(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}
