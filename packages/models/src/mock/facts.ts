import { sentences, trimEnds } from './words.ts';

/** Something that a user said of themselves: what it is about, and how to say it back to them. */
export interface Fact {
  readonly subject: string;
  readonly echo: string;
}

/** What the sentences of a text state: "my name is Ada", "I live in Paris", "the code word is blue". */
export function statedFacts(text: string): Fact[] {
  const facts: Fact[] = [];
  for (const sentence of sentences(text)) {
    for (const clause of sentence.slice(0, 400).split(/,? and (?=(?:my|i|the|our)\b)|, (?=(?:my|i|our)\b)/i)) {
      const fact = readFact(trimEnds(clause).slice(0, 300));
      if (fact !== undefined) facts.push(fact);
    }
  }
  return facts;
}

/** The answer to a question for such a fact, from the latest time it was stated; undefined where it is no such question. */
export function findFact(question: string, said: readonly string[]): string | undefined {
  const subject = askedFor(question);
  if (subject === undefined) return undefined;
  for (const text of said.toReversed()) {
    const fact = statedFacts(text).findLast((one) => one.subject === subject);
    if (fact !== undefined) return `${fact.echo[0]!.toUpperCase()}${fact.echo.slice(1)}.`;
  }
  return undefined;
}

function readFact(clause: string): Fact | undefined {
  const text = clause.replace(/^(?:(?:please |and |also |hi|hello|hey),?\s+|(?:remember|note)(?: that|:)\s+)/i, '');
  const owned = /^my ([\p{L}\p{N}' -]{1,40}?) (is|are|was) (.{1,200})$/iu.exec(text);
  if (owned !== null) return { subject: owned[1]!.toLowerCase(), echo: `your ${owned[1]} ${owned[2]} ${owned[3]}` };
  const called = /^(?:you can )?call me (.{1,100})$/i.exec(text);
  if (called !== null) return { subject: 'name', echo: `your name is ${called[1]}` };
  const am = /^(?:i am|i['’]m) (.{1,200})$/i.exec(text);
  if (am !== null) return { subject: 'i am', echo: `you are ${am[1]}` };
  const does = /^i (live|work|like|love|prefer|have|use|own|need|want|hate|study)\b (.{1,200})$/i.exec(text);
  if (does !== null)
    return { subject: `i ${does[1]!.toLowerCase()}`, echo: `you ${does[1]!.toLowerCase()} ${does[2]}` };
  const thing = /^(the|our) ([\p{L}\p{N}' -]{1,40}?) (is|are|was) (.{1,200})$/iu.exec(text);
  if (thing !== null)
    return {
      subject: thing[2]!.toLowerCase(),
      echo: `${thing[1]!.toLowerCase() === 'our' ? 'your' : 'the'} ${thing[2]} ${thing[3]} ${thing[4]}`,
    };
  return undefined;
}

function askedFor(question: string): string | undefined {
  const text = trimEnds(question.slice(0, 300)).replace(
    /^(?:please |and |so |do you (?:know|remember) |can you tell me |tell me )/i,
    '',
  );
  const owned = /^(?:what|who|where|when|which)(?:['’]?s| is| are| was) (?:my|the|our) ([\p{L}\p{N}' -]{1,40})$/iu.exec(
    text,
  );
  if (owned !== null) return owned[1]!.toLowerCase();
  const turned = /^what (?:my|the|our) ([\p{L}\p{N}' -]{1,40}) (?:is|are|was)$/iu.exec(text);
  if (turned !== null) return turned[1]!.toLowerCase();
  if (/^what am i called$/i.test(text)) return 'name';
  if (/^who am i$/i.test(text)) return 'i am';
  const does =
    /^(?:where|what|who|which [\p{L}]{1,30}) do i (live|work|like|love|prefer|have|use|own|need|want|hate|study)\b/iu.exec(
      text,
    );
  return does === null ? undefined : `i ${does[1]!.toLowerCase()}`;
}
