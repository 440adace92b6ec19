import {
  routes,
  type AnswerOf,
  type BodyInputOf,
  type KnowledgeBase,
  type KnowledgeDocument,
  type Persona,
} from '@reeve/contract';
import { queryOptions, type QueryClient } from '@tanstack/react-query';
import { api, apiThrough } from './connection.ts';
import { sendingFetch } from './sending-fetch.ts';

const LOOK_MS = 15_000;

export const PERSONAS_PER_PAGE = 50;
export const DOCUMENTS_PER_PAGE = 50;
export const CHUNKS_PER_PAGE = 20;

/** A page of personas by name; `q` is part of the name or the slug. */
export const personasQuery = (q: string | undefined, offset: number) =>
  queryOptions({
    queryKey: ['knowledge', 'personas', q ?? '', offset],
    queryFn: ({ signal }) =>
      api().call(routes.listPersonas, { query: { limit: PERSONAS_PER_PAGE, offset, ...(q && { q }) }, signal }),
    placeholderData: (previous) => previous,
    refetchInterval: LOOK_MS,
  });

/** One persona, by id or slug. */
export const personaQuery = (ref: string) =>
  queryOptions({
    queryKey: ['knowledge', 'persona', ref],
    queryFn: ({ signal }) => api().call(routes.getPersona, { params: { id: ref }, signal }),
    staleTime: 5_000,
  });

/** One knowledge base of a persona, which is given by id. */
export interface Base {
  readonly personaId: string;
  readonly kb: KnowledgeBase;
}

const paramsOf = ({ personaId, kb }: Base) => ({ id: personaId, kb });
const documentParams = (base: Base, id: string) => ({ ...paramsOf(base), document_id: id });

/** A page of the documents of a knowledge base, the latest changed first; `q` is part of the title or the source. */
export const documentsQuery = (base: Base, q: string | undefined, offset: number) =>
  queryOptions({
    queryKey: ['knowledge', 'documents', base.personaId, base.kb, q ?? '', offset],
    queryFn: ({ signal }) =>
      api().call(routes.listDocuments, {
        params: paramsOf(base),
        query: { limit: DOCUMENTS_PER_PAGE, offset, ...(q && { q }) },
        signal,
      }),
    placeholderData: (previous) => previous,
    refetchInterval: LOOK_MS,
  });

export const documentQuery = (base: Base, id: string) =>
  queryOptions({
    queryKey: ['knowledge', 'document', base.personaId, base.kb, id],
    queryFn: ({ signal }) => api().call(routes.getDocument, { params: documentParams(base, id), signal }),
  });

/** A page of the chunks of a document, in order. */
export const chunksQuery = (base: Base, id: string, offset: number) =>
  queryOptions({
    queryKey: ['knowledge', 'chunks', base.personaId, base.kb, id, offset],
    queryFn: ({ signal }) =>
      api().call(routes.listChunks, {
        params: documentParams(base, id),
        query: { limit: CHUNKS_PER_PAGE, offset },
        signal,
      }),
  });

/** What is looked for, and where. */
export interface Question {
  readonly text: string;
  readonly topK: number;
  /** Only in documents that have all of them. */
  readonly tags: readonly string[];
  /** By id; undefined for all of the tenant. */
  readonly personaId: string | undefined;
  /** One knowledge base; undefined for those that an agent is shown something of by itself: all but the Soul. */
  readonly kb: KnowledgeBase | undefined;
}

/** The chunks that say most about a question, best first. */
export const knowledgeSearchQuery = (question: Question) =>
  queryOptions({
    queryKey: ['knowledge', 'search', question],
    queryFn: ({ signal }) => search(question, signal),
  });

async function search({ text, topK, tags, personaId, kb }: Question, signal: AbortSignal): Promise<Found> {
  const asked = { query: text, top_k: topK, tags: [...tags] };
  return personaId !== undefined && kb !== undefined
    ? api().call(routes.searchKnowledge, { params: paramsOf({ personaId, kb }), body: asked, signal })
    : api().call(routes.getRagContext, {
        body: {
          ...asked,
          ...(kb !== undefined && { knowledge_bases: [kb] }),
          ...(personaId !== undefined && { persona_id: personaId }),
        },
        signal,
      });
}

/** Chunks, best first, and how they were found. */
type Found = AnswerOf<typeof routes.searchKnowledge>;

export type NewPersona = BodyInputOf<typeof routes.createPersona>;
export type PersonaChange = BodyInputOf<typeof routes.updatePersona>;
export type NewDocument = BodyInputOf<typeof routes.addDocument>;
/** What became of a document that was added. */
export type AddedDocument = KnowledgeDocument & { readonly deduplicated: boolean; readonly replaced: boolean };

export const createPersona = (body: NewPersona): Promise<Persona> => api().call(routes.createPersona, { body });
export const changePersona = (id: string, body: PersonaChange): Promise<Persona> =>
  api().call(routes.updatePersona, { params: { id }, body });
export const deletePersona = (id: string) => api().call(routes.deletePersona, { params: { id } });

export const addText = (base: Base, body: NewDocument): Promise<AddedDocument> =>
  api().call(routes.addDocument, { params: paramsOf(base), body });
export const deleteDocument = (base: Base, id: string) =>
  api().call(routes.deleteDocument, { params: documentParams(base, id) });

/** Adds a file as a document, in place of the one that was uploaded by its name before; throws ClientError where it is refused, and where it has become unreadable. */
export const addFile = (
  base: Base,
  file: File,
  signal: AbortSignal,
  onSent: (bytes: number) => void,
): Promise<AddedDocument> =>
  apiThrough(sendingFetch(onSent)).call(routes.addDocument, {
    params: paramsOf(base),
    body: { source: file.name.slice(0, MOST_NAME).toWellFormed() },
    file: { name: file.name, content: file },
    signal,
  });

/** Characters of a source. */
const MOST_NAME = 1_000;

/** Has everything that is shown of personas and what they know read again. */
export const refreshKnowledge = (cache: QueryClient): Promise<void> =>
  cache.invalidateQueries({ queryKey: ['knowledge'] });
