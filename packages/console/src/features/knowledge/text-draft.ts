import type { NewDocument } from '../../api/knowledge.ts';
import { tagsIn } from './bases.ts';

/** A text for a knowledge base as it is typed. */
export interface TextDraft {
  readonly text: string;
  readonly title: string;
  readonly source: string;
  /** With commas between them. */
  readonly tags: string;
}

/** A text before anything is typed. */
export const EMPTY_TEXT: TextDraft = { text: '', title: '', source: '', tags: '' };

/** The request that adds what was typed. */
export function documentOf({ text, title, source, tags }: TextDraft): NewDocument {
  return {
    text,
    ...(title.trim() !== '' && { title: title.trim() }),
    ...(source.trim() !== '' && { source: source.trim() }),
    tags: tagsIn(tags),
  };
}
