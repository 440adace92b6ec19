import { Tokenizer } from '@huggingface/tokenizers';

/** Turns a text into the numbers of its tokens, the special ones included, at most so many. */
export type Encode = (text: string, maxTokens: number) => number[];

/** Texts as a model takes them: every row as long as the longest, padding where the mask is 0. */
export interface TokenRows {
  readonly ids: readonly number[];
  readonly mask: readonly number[];
  readonly texts: number;
  readonly tokens: number;
}

/** A tokenizer out of what `tokenizer.json` and `tokenizer_config.json` say. Throws where it is of an unknown kind. */
export function createEncode(tokenizer: { readonly model?: { readonly type?: string } }, config: object): Encode {
  // Of another kind the library would make the best of its vocabulary. Old files name none.
  const { type } = tokenizer.model ?? {};
  if (type !== undefined && !KINDS.includes(type))
    throw new Error(`its kind is ${type}, and only ${KINDS.join(', ')} are known`);
  const inner = new Tokenizer(tokenizer, config);
  return (text, maxTokens) => {
    const ids: number[] = inner.encode(text).ids;
    if (ids.length <= maxTokens) return ids;
    // The special ones that stand before and after have to stay.
    const words: number[] = inner.encode(text, { add_special_tokens: false }).ids;
    const special = ids.length - words.length;
    const before = Array.from({ length: special + 1 }, (_, count) => count).find((count) =>
      words.every((id, index) => ids[count + index] === id),
    );
    if (before === undefined || special > maxTokens) return ids.slice(0, maxTokens);
    const kept = words.slice(0, maxTokens - special);
    return [...ids.slice(0, before), ...kept, ...ids.slice(before + words.length)];
  };
}

const KINDS = ['WordPiece', 'BPE', 'Unigram'];

/** Lines rows up. */
export function padRows(rows: readonly (readonly number[])[], paddingId: number): TokenRows {
  const tokens = Math.max(...rows.map(({ length }) => length));
  return {
    ids: rows.flatMap((row) => [...row, ...Array<number>(tokens - row.length).fill(paddingId)]),
    mask: rows.flatMap((row) => Array.from({ length: tokens }, (_, index) => Number(index < row.length))),
    texts: rows.length,
    tokens,
  };
}
