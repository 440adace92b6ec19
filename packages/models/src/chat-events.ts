import type { ChatReading } from './chat-answer.ts';

/** Cuts a stream of chat completions into what can be handed on. */
export interface ChatEvents {
  /**
   * What of it can be handed on now: whole events, once the answer has begun. Nothing is handed on before that, so that
   * another attempt can still be made, and nothing from its end on, so that the call is settled before its reader hears of it.
   */
  take(piece: Buffer): Uint8Array | undefined;
  /** What was held back. The end that the protocol has for streams is not in it. */
  rest(): Uint8Array;
}

export function createChatEvents(reading: ChatReading, withUsage: boolean): ChatEvents {
  let cut: Buffer = Buffer.alloc(0);
  let held: Uint8Array[] = [];

  /** Reads one event, and says whether it is to be handed on. */
  function read(event: string): boolean {
    const data = dataOf(event);
    if (data === undefined) return event !== '';
    if (data === '[DONE]') return false;
    return !reading.read(data).isUsage || withUsage;
  }
  function readAll(text: string, bytes: Uint8Array): Uint8Array {
    const events = (text.includes('\r') ? text.replaceAll('\r\n', '\n') : text).split('\n\n');
    // The last is what follows the last boundary: nothing.
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
      if (!reading.hasOutput() || reading.ended()) return undefined;
      const ready = held.length === 1 ? handed : Buffer.concat(held);
      held = [];
      return ready;
    },
    rest() {
      // Some servers leave out the line after the last event.
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
