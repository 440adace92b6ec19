import type { PlannedCall } from './call.ts';
import { trimEnds } from './words.ts';

const REMEMBER =
  /^(?:remember|note|don['’]?t forget|keep in mind)(?:\s+this)?\s?(?::|\s+that\s|\s+(?=(?:my|our|the|i|we|to|his|her|their)\s))/i;
const RECALL =
  /^(?:(?:what|tell me what) (?:do )?(?:you|we) (?:know|remember) (?:of|about)|what (?:did|have) (?:i|we) (?:tell|told|say|said|teach|taught)(?: to)? you (?:about|of)|recall|do you (?:remember|recall)|search (?:your |my |the )?memory for)(?:\s+(?:what|everything|anything)(?: i (?:told|said to) you)?(?: you know)? about)?\s/i;

export function startsRemember(head: string): boolean {
  return REMEMBER.test(head);
}

/** "remember that …" and "remember: …". */
export function readRemember(piece: string): PlannedCall | undefined {
  const text = piece.slice(REMEMBER.exec(piece.slice(0, 160))?.[0].length ?? 0).trim();
  return text === '' ? undefined : { tool: 'remember', input: { text } };
}

export function startsRecall(head: string): boolean {
  return RECALL.test(head);
}

/** "what do you know about X", "what did I tell you about X", "recall X". */
export function readRecall(piece: string): PlannedCall | undefined {
  const query = trimEnds(piece.slice(RECALL.exec(piece.slice(0, 160))?.[0].length ?? 0).slice(0, 1_000));
  return query === '' ? undefined : { tool: 'recall', input: { query } };
}
