import { deserializeMessage, type JSONRPCMessage } from '@modelcontextprotocol/client';

/** Takes what a program says apart into messages, one a line. What else it prints is left out. */
export interface MessageReader {
  /** Hands on the messages that are whole now. Throws where the program says more than one that was asked can have to say. */
  add(text: string): void;
  /** The program was sent something, and may answer at length again. */
  asked(): void;
}

const MIB = 1024 * 1024;
/** In characters. */
const MAX_MESSAGE = 8 * MIB;
/** Between two that it is sent: reading is our own processor time, which a program must not take without end. */
const MOST_SAID = { characters: 32 * MIB, messages: 10_000, broken: 100 };

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
        const over = (Object.keys(MOST_SAID) as (keyof typeof MOST_SAID)[]).find(
          (what) => said[what] > MOST_SAID[what],
        );
        if (over !== undefined) throw new Error(TOLD[over]);
      }
      held.push(text.slice(from));
      heldLength += text.length - from;
      if (heldLength > MAX_MESSAGE) throw new Error(`says more than ${MAX_MESSAGE / MIB} MiB in one message`);
    },
    asked: () => void (said = { characters: 0, messages: 0, broken: 0 }),
  };
}

const TOLD: Record<keyof typeof MOST_SAID, string> = {
  characters: `says more than ${MOST_SAID.characters / MIB} MiB without being asked`,
  messages: `says more than ${MOST_SAID.messages} messages without being asked`,
  broken: `says more than ${MOST_SAID.broken} lines that are no messages of MCP`,
};
