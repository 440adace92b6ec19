import { deserializeMessage, type JSONRPCMessage } from '@modelcontextprotocol/client';

/** Splits a program’s output into messages, one per line. Other lines are ignored. */
export interface MessageReader {
  /** Emits the messages that are complete. Throws when the program exceeds the limits for unsolicited output. */
  add(text: string): void;
  /** Resets the limits: the program was sent a message and may answer it. */
  asked(): void;
}

const MIB = 1024 * 1024;
/** Characters per message. */
const MAX_MESSAGE = 8 * MIB;
/** Limits between two messages to the program, since parsing its output costs our own CPU time. */
const MAX_UNASKED = { characters: 32 * MIB, messages: 10_000, broken: 100 };

export function createMessageReader(onMessage: (message: JSONRPCMessage) => void): MessageReader {
  let held: string[] = [];
  let heldLength = 0;
  let said = { characters: 0, messages: 0, broken: 0 };

  function read(line: string): void {
    if (!/^\s*\{/.test(line)) return;
    said.messages += 1;
    let message: JSONRPCMessage;
    try {
      message = deserializeMessage(line);
    } catch {
      said.broken += 1;
      return;
    }
    onMessage(message);
  }

  return {
    add(text) {
      said.characters += text.length;
      let from = 0;
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
        const line = text.slice(from, end);
        from = end + 1;
        read(heldLength === 0 ? line : held.join('') + line);
        [held, heldLength] = [[], 0];
        const over = (Object.keys(MAX_UNASKED) as (keyof typeof MAX_UNASKED)[]).find(
          (what) => said[what] > MAX_UNASKED[what],
        );
        if (over !== undefined) throw new Error(OVER_LIMIT[over]);
      }
      held.push(text.slice(from));
      heldLength += text.length - from;
      if (heldLength > MAX_MESSAGE) throw new Error(`says more than ${MAX_MESSAGE / MIB} MiB in one message`);
    },
    asked: () => void (said = { characters: 0, messages: 0, broken: 0 }),
  };
}

const OVER_LIMIT: Record<keyof typeof MAX_UNASKED, string> = {
  characters: `says more than ${MAX_UNASKED.characters / MIB} MiB without being asked`,
  messages: `says more than ${MAX_UNASKED.messages} messages without being asked`,
  broken: `says more than ${MAX_UNASKED.broken} lines that are not MCP messages`,
};
