// What is used here of the packages that are installed on demand, so that types can be checked without them.

declare module 'minisearch' {
  interface Options {
    fields: readonly string[];
    processTerm?: (term: string) => string | null;
  }
  export default class MiniSearch {
    constructor(options: Options);
    addAll(documents: readonly object[]): void;
    search(query: string): { id: string }[];
  }
}

declare module '@orama/orama' {
  type Index = { readonly index: unique symbol };
  export function create(options: {
    schema: Readonly<Record<string, string>>;
    components?: { tokenizer: { stemming: boolean; stemmer: (word: string) => string; stopWords: readonly string[] } };
  }): Index;
  export function insertMultiple(index: Index, documents: readonly object[]): Promise<unknown>;
  export function search(
    index: Index,
    params: { term: string; limit: number; properties: readonly string[] },
  ): Promise<{ hits: { id: string }[] }>;
}

declare module '@orama/stopwords/english' {
  export const stopwords: readonly string[];
}
