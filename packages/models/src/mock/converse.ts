import type { ContextItem, ModelMessage } from '../model.ts';
import { findFact, statedFacts } from './facts.ts';
import { clip, contentWords, overlap, sentences } from './words.ts';

/** How many of a session's latest messages are read. */
const REMEMBERED = 200;

/**
 * An answer without tools: from what the user said in this session, or from the retrieved context, quoted
 * with its source. Undefined where neither has anything to the point.
 */
export function converse(
  request: string,
  earlier: readonly ModelMessage[],
  context: readonly ContextItem[],
): string | undefined {
  const question = request.slice(0, 2_000).trim();
  const said = earlier
    .slice(-REMEMBERED)
    .filter((message) => message.role === 'user')
    .map(({ text }) => text.slice(0, 2_000));
  return (
    aboutOrder(question, said) ??
    summary(request, said) ??
    findFact(question, said) ??
    fromContext(question, context) ??
    fromSession(question, said) ??
    acknowledge(question) ??
    greeting(question)
  );
}

function aboutOrder(question: string, said: readonly string[]): string | undefined {
  const match =
    /\bwhat (?:did|was|were|have) (?:i|my|the)\b[^?\n]{0,60}\b(first|last|before|previous(?:ly)?|earlier|just)\b/i.exec(
      question.slice(0, 200),
    );
  if (
    match === null ||
    !/\b(?:say|said|ask|asked|message|question|tell|told|write|wrote)\b/i.test(question.slice(0, 200))
  )
    return undefined;
  if (said.length === 0) return 'You have said nothing before this in our session.';
  const first = match[1]!.toLowerCase() === 'first';
  return `The ${first ? 'first' : 'last'} thing you said ${first ? 'in this session' : 'before this'} was: “${clip((first ? said[0] : said.at(-1))!, 500)}”`;
}

function summary(request: string, said: readonly string[]): string | undefined {
  const order =
    /^(?:please )?(?:summari[sz]e|recap|tl;?dr|sum up|what have we (?:talked|discussed|spoken))\b(?: (?:this|the following|our|the)\b)?(?: (?:text|conversation|session|chat|discussion))?(?: so far)?\s*:?/i.exec(
      request.slice(0, 200),
    );
  if (order === null) return undefined;
  const text = request.slice(order[0].length).trim();
  if (text.length > 80 || (text !== '' && /:\s*$/.test(order[0]))) return inShort(text);
  if (said.length === 0) return 'There is nothing to summarize yet: this is the first message of our session.';
  const lines = said.slice(-10).map((line) => `- ${clip(line.replace(/\s+/g, ' '), 160)}`);
  return `You have said ${said.length === 1 ? 'one thing' : `${said.length} things`} in this session${said.length > 10 ? ', at last' : ''}:\n${lines.join('\n')}`;
}

function inShort(text: string): string {
  const short = digest(text);
  return `In short:${short.includes('\n') ? '\n' : ' '}${short}`;
}

/** The three sentences whose words come up most in the text, in their order; lines stay lines. */
function digest(text: string): string {
  const all = sentences(text);
  const counts = new Map<string, number>();
  const words = all.map((sentence) => contentWords(sentence));
  for (const set of words) for (const word of set) counts.set(word, (counts.get(word) ?? 0) + 1);
  const score = (index: number) =>
    [...words[index]!].reduce((sum, word) => sum + counts.get(word)!, 0) / (words[index]!.size + 3);
  const best = all
    .map((_, index) => index)
    .sort((a, b) => score(b) - score(a) || a - b)
    .slice(0, 3);
  return best
    .sort((a, b) => a - b)
    .map((index) => clip(all[index]!, 300))
    .join(text.trim().split(/\n+/).length >= all.length ? '\n' : ' ');
}

function fromContext(question: string, context: readonly ContextItem[]): string | undefined {
  const wanted = contentWords(question);
  let best: { item: ContextItem; score: number } | undefined;
  for (const item of context.slice(0, 100)) {
    // It says how to do things, and not what is so.
    if (item.source.startsWith('playbook ')) continue;
    const score = overlap(wanted, item.text);
    if (score >= 0.3 && score > (best?.score ?? 0)) best = { item, score };
  }
  if (best === undefined) return undefined;
  return `${best.item.source} says: “${excerpt(best.item.text, wanted)}”`;
}

/** The sentence that matches best, with the one behind it. */
function excerpt(text: string, wanted: ReadonlySet<string>): string {
  const all = sentences(text);
  let best = 0;
  for (let index = 1; index < all.length; index += 1)
    if (overlap(wanted, all[index]!) > overlap(wanted, all[best]!)) best = index;
  return clip(all.slice(best, best + 2).join(' ') || text.trim(), 600);
}

function fromSession(question: string, said: readonly string[]): string | undefined {
  if (!isQuestion(question)) return undefined;
  const wanted = contentWords(question);
  let best: { text: string; score: number } | undefined;
  for (const text of said) {
    if (isQuestion(text)) continue;
    const score = overlap(wanted, text);
    if (score >= 0.5 && score >= (best?.score ?? 0)) best = { text, score };
  }
  return best === undefined ? undefined : `Earlier in this session you said: “${excerpt(best.text, wanted)}”`;
}

function isQuestion(text: string): boolean {
  return (
    /\?\s{0,9}$/.test(text.slice(-10)) ||
    /^(?:what|who|where|when|why|which|how|do|does|did|is|are|can|could|will|would|tell me)\b/i.test(text)
  );
}

function acknowledge(statement: string): string | undefined {
  const facts = statedFacts(statement);
  if (facts.length === 0 || statement.includes('?')) return undefined;
  return `Noted for this session: ${facts.map(({ echo }) => echo).join('; ')}.`;
}

function greeting(text: string): string | undefined {
  if (/^(?:hi|hello|hey|good (?:morning|afternoon|evening)|greetings)\b[^?]{0,30}$/i.test(text)) {
    return 'Hello. I am Reeve’s built-in model: I plan and call tools, and I answer from this session and from what was retrieved for it. Ask “what can you do?” for more.';
  }
  return /^(?:thanks|thank you|cheers)\b[^?]{0,40}$/i.test(text) ? 'You are welcome.' : undefined;
}
