import type { AnswerReader } from './read-answer.ts';

/** Splits the bytes of a streamed chat completion into whole events that may be passed on. */
export interface ChatEvents {
  /**
   * Returns the events that may be passed on now. It holds events back until the answer has begun, so that the call can
   * still be retried, and from the answer's end on, so that the call is settled before its reader sees the end.
   */
  take(piece: Buffer): Uint8Array | undefined;
  /** The events held back, without the protocol's `[DONE]`. */
  remaining(): Uint8Array;
}

export function createChatEvents(reader: AnswerReader, withUsage: boolean): ChatEvents {
  let cut: Buffer = Buffer.alloc(0);
  let held: Uint8Array[] = [];

  /** Reads one event; returns whether to pass it on. */
  function read(event: string): boolean {
    const data = dataOf(event);
    if (data === undefined) return event !== '';
    if (data === '[DONE]') return false;
    return !reader.read(data).isUsage || withUsage;
  }
  function readAll(text: string, bytes: Uint8Array): Uint8Array {
    const events = (text.includes('\r') ? text.replaceAll('\r\n', '\n') : text).split('\n\n');
    // The last element follows the last boundary and is empty.
    const last = events.pop();
    if (last !== undefined && last !== '') events.push(last);
    const kept = events.filter(read);
    return kept.length === events.length ? bytes : Buffer.from(kept.map((event) => `${event}\n\n`).join(''));
  }

  return {
    take(piece) {
      const bytes = cut.length === 0 ? piece : Buffer.concat([cut, piece]);
      const boundary = Math.max(bytes.lastIndexOf('\n\n') + 2, bytes.lastIndexOf('\r\n\r\n') + 4);
      if (boundary < 4) {
        cut = bytes;
        return undefined;
      }
      cut = bytes.subarray(boundary);
      const whole = bytes.subarray(0, boundary);
      const handed = readAll(whole.toString(), whole);
      held.push(handed);
      if (!reader.hasOutput() || reader.ended()) return undefined;
      const ready = held.length === 1 ? handed : Buffer.concat(held);
      held = [];
      return ready;
    },
    remaining() {
      // Some servers omit the empty line after the last event.
      const text = cut.toString().trim();
      if (text !== '') held.push(readAll(text, Buffer.from(`${text}\n\n`)));
      return held.length === 1 ? held[0]! : Buffer.concat(held);
    },
  };
}

/** The data of an event; undefined where it has none, such as a comment. */
function dataOf(event: string): string | undefined {
  if (event.startsWith('data: ') && !event.includes('\n')) return event.slice(6);
  const lines = event.split('\n').filter((line) => line.startsWith('data:'));
  return lines.length === 0 ? undefined : lines.map((line) => line.slice(5).trimStart()).join('\n');
}
