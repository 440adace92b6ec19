/** Recognizes, without parsing, the chunks of a stream that differ from an earlier one only in their text, as nearly all do. */
export interface ChunkTemplate {
  /** Characters of text in a chunk that matches the template; undefined for every other. */
  charactersIn(chunk: string): number | undefined;
  /** Takes the template from a chunk that carries this text and nothing else. */
  learn(chunk: string, text: string): void;
}

export function createChunkTemplate(): ChunkTemplate {
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
      const field = `"content":${JSON.stringify(text)}`;
      const at = chunk.indexOf(field);
      // The text is encoded differently, or occurs twice.
      if (at === -1 || at !== chunk.lastIndexOf(field)) return;
      before = chunk.slice(0, at + '"content":"'.length);
      after = chunk.slice(at + field.length - 1);
    },
  };
}

/** Text whose JSON encoding equals the text itself. */
// oxlint-disable-next-line no-control-regex -- which JSON forbids in strings
const PLAIN = /^[^"\\\u0000-\u001f]*$/;
