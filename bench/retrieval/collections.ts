import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A text to be found. */
export interface Document {
  readonly id: string;
  /** Its title, a line of its own, and what it says. */
  readonly text: string;
}

/** A public test collection: its judgments as they are. */
export interface Collection {
  readonly name: string;
  readonly documents: readonly Document[];
  /** Queries that have a judgment, with the documents that are relevant and how much. */
  readonly queries: readonly { readonly text: string; readonly relevant: ReadonlyMap<string, number> }[];
}

/** Where the collections are: folders with `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`, as BEIR has them. */
const directory = process.env['REEVE_IRDATA'] ?? join(import.meta.dirname, '../../../shared/irdata');

/** Cranfield and CISI, title and text together. Fails where they are not there. */
export function readCollections(): Collection[] {
  return ['cranfield', 'cisi'].map((name) => {
    const folder = join(directory, name);
    if (!existsSync(folder)) throw new Error(`${folder} is not there; set REEVE_IRDATA to where the collections are`);
    const lines = (file: string) => readFileSync(join(folder, file), 'utf8').trim().split('\n');
    const relevantOf = new Map<string, Map<string, number>>();
    for (const line of lines('qrels.tsv')) {
      const [query = '', document = '', relevance] = line.split('\t');
      if (!(Number(relevance) > 0)) continue;
      const relevant = relevantOf.get(query) ?? new Map<string, number>();
      relevantOf.set(query, relevant.set(document, Number(relevance)));
    }
    const documents = lines('corpus.jsonl').map((line) => {
      const { _id: id, title, text } = JSON.parse(line) as { _id: string; title: string; text: string };
      return { id, text: `${title}\n${text}` };
    });
    const queries = lines('queries.jsonl').flatMap((line) => {
      const { _id: id, text } = JSON.parse(line) as { _id: string; text: string };
      const relevant = relevantOf.get(id);
      return relevant === undefined ? [] : [{ text, relevant }];
    });
    return { name, documents, queries };
  });
}

/** That many chunks of about 920 characters, each of sentences of the collections and a name of its own; always the same. */
export function makeChunks(collections: readonly Collection[], count: number, from = 0): Document[] {
  const sentences = collections
    .flatMap(({ documents }) => documents.flatMap(({ text }) => text.split(/(?<=[.?!])\s+/)))
    .filter(({ length }) => length > 30 && length < 400);
  return Array.from({ length: count }, (_, index) => {
    const random = createRandom(from + index + 1);
    let text = `chunk${from + index} of part-${random() % 997}.ts:`;
    while (text.length < 880) text += ` ${sentences[random() % sentences.length]!}`;
    return { id: `chunk${from + index}`, text };
  });
}

/** Numbers that look random (mulberry32), from a seed. */
function createRandom(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
