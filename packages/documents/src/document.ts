import { storableText } from '@reeve/kit/storable';

/** What a file says: its text in blocks, in order. */
export interface ReadDocument {
  /** What the file calls itself; null where it does not. */
  readonly title: string | null;
  /** Its format, as one of `mediaTypesOf()`. */
  readonly mediaType: string;
  readonly blocks: readonly Block[];
}

/** A part of a document that stands by itself. Its text is never blank, can be stored, and has no blank at its end. */
export type Block = Heading | Body;

interface Place {
  readonly text: string;
  /** The page it begins on, from 1, where a format has pages. */
  readonly page?: number;
  /** The line it begins on, from 1, where a format has lines. */
  readonly line?: number;
}

export interface Heading extends Place {
  readonly kind: 'heading';
  /** 1 is the highest, 6 the lowest. */
  readonly level: number;
}

export interface Body extends Place {
  /** `rows` are records as lines of `name: value`; `table` is a small table in Markdown. */
  readonly kind: 'paragraph' | 'list' | 'table' | 'code' | 'rows';
  /** Of code, where it is known. */
  readonly language?: string;
}

/** What stands between two blocks in a document's plain text. */
export const BLOCK_SEPARATOR = '\n\n';

/** All that a document says; the offsets of its chunks count in this. */
export function plainText(document: ReadDocument): string {
  return document.blocks.map((block) => block.text).join(BLOCK_SEPARATOR);
}

/**
 * Says what is wrong with a file, and where it helps what to do: the message completes `"name" cannot be read: …`. The reader makes
 * an `invalid_request` of it; its process does without what that would load.
 */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

/** Blocks as a reader finds them. Those without text are left out. */
export interface BlockList {
  readonly blocks: readonly Block[];
  /** Characters that it still has room for. */
  readonly left: number;
  /** Throws `Unreadable` when there is more than a document may hold. */
  add(block: Block): void;
  /** Throws that for a reader that sees it coming. */
  refuse(): never;
}

const MAX_BLOCKS = 300_000;

/** A list for one document of at most `maxCharacters`. */
export function createBlockList(maxCharacters: number): BlockList {
  const blocks: Block[] = [];
  let left = maxCharacters;
  const refuse = (most = maxCharacters, what = 'characters'): never => {
    throw new Unreadable(`it holds more than ${most.toLocaleString('en')} ${what} of text; split it`);
  };
  return {
    blocks,
    get left() {
      return left;
    },
    add(block) {
      const text = storableText(block.text).trimEnd();
      if (text === '') return;
      left -= text.length + BLOCK_SEPARATOR.length;
      if (left < 0) refuse();
      if (blocks.length === MAX_BLOCKS) refuse(MAX_BLOCKS, 'blocks');
      blocks.push({ ...block, text });
    },
    refuse: () => refuse(),
  };
}
