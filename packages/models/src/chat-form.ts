/** Recognizes the chunks of a stream that differ from one before only in their text, which nearly all do, without parsing them. */
export interface ChatForm {
  /** Characters of text in a chunk of the form that was learnt; undefined for every other. */
  charactersIn(chunk: string): number | undefined;
  /** Learns the form of a chunk that says this text and tells of nothing else. */
  learn(chunk: string, text: string): void;
}

export function createChatForm(): ChatForm {
  let before: string | undefined;
  let after = '';
  return {
    charactersIn(chunk) {
      if (before === undefined || !chunk.startsWith(before) || !chunk.endsWith(after)) return undefined;
      const length = chunk.length - before.length - after.length;
      if (length < 0) return undefined;
      return PLAIN.test(chunk.slice(before.length, before.length + length)) ? length : undefined;
    },
    learn(chunk, text) {
      const said = `"content":${JSON.stringify(text)}`;
      const at = chunk.indexOf(said);
      // Written otherwise, or not only there.
      if (at === -1 || at !== chunk.lastIndexOf(said)) return;
      before = chunk.slice(0, at + '"content":"'.length);
      after = chunk.slice(at + said.length - 1);
    },
  };
}

/** What is the same in JSON as in the text that it stands for. */
// oxlint-disable-next-line no-control-regex -- which JSON forbids in strings
const PLAIN = /^[^"\\\u0000-\u001f]*$/;
