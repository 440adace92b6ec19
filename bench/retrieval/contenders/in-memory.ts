import { create, insertMultiple, search } from '@orama/orama';
import { stemmer } from '@orama/stemmers/english';
import { stopwords } from '@orama/stopwords/english';
import MiniSearch from 'minisearch';
import type { Document } from '../collections.ts';
import type { Contender } from '../contender.ts';

/** These rank a title and a text by themselves, and come to more with both than with one. */
const FIELDS = ['title', 'text'] as const;

/** MiniSearch as it comes, or with a stemmer and stop words. */
export function createMiniSearch(tuned: boolean): Contender {
  const stop = new Set(stopwords);
  const stem = (term: string) => (stop.has(term.toLowerCase()) ? null : stemmer(term.toLowerCase()));
  const index = new MiniSearch({ fields: FIELDS, ...(tuned && { processTerm: stem }) });
  return {
    name: tuned ? 'MiniSearch, stems' : 'MiniSearch',
    add: async (documents) => index.addAll(documents.map(split)),
    search: async (query, count) =>
      index
        .search(query)
        .slice(0, count)
        .map(({ id }) => id),
  };
}

/** Orama as it comes, or with a stemmer and stop words. */
export function createOrama(tuned: boolean): Contender {
  const tokenizer = { stemming: true, stemmer, stopWords: stopwords };
  const index = create({ schema: { title: 'string', text: 'string' }, ...(tuned && { components: { tokenizer } }) });
  return {
    name: tuned ? 'Orama, stems' : 'Orama',
    add: async (documents) => void (await insertMultiple(index, documents.map(split))),
    async search(query, count) {
      const { hits } = await search(index, { term: query, limit: count, properties: FIELDS });
      return hits.map(({ id }) => id);
    },
  };
}

function split({ id, text }: Document) {
  const [title = '', ...rest] = text.split('\n');
  return { id, title, text: rest.join('\n') };
}
