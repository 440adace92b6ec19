// Reads files of strangers, in a process that can be ended: parsing what is hostile may last and fill the memory.
import { MAX_TITLE } from '@reeve/contract';
import { storableText } from '@reeve/kit';
import { answerQuestions } from '@reeve/kit/worker';
import { chunkDocument, type Chunk } from './chunk.ts';
import { decodeText } from './decode.ts';
import { createBlockList, plainText, Unreadable, type BlockList, type ReadDocument } from './document.ts';
import { languageOf, type Format } from './formats.ts';

export interface ReadQuestion {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly format: Format;
  readonly maxCharacters: number;
  /** Whether chunks are wanted, and not the document. */
  readonly isCut: boolean;
}

/** A file that was read and cut. */
export interface CutDocument {
  readonly title: string | null;
  readonly mediaType: string;
  /** Of its plain text, in which the chunks' offsets count. */
  readonly characters: number;
  readonly chunks: readonly Chunk[];
}

answerQuestions<ReadQuestion, ReadDocument | CutDocument>(async (question) => {
  const list = createBlockList(question.maxCharacters);
  let title: string | null;
  try {
    title = titleOf(await read(question, list));
  } catch (error) {
    throw explained(error);
  }
  if (list.blocks.length === 0) throw new Unreadable('it holds no text');
  const mediaType = question.format.mediaTypes[0]!;
  const document = { title, mediaType, blocks: list.blocks };
  if (!question.isCut) return document;
  return { title, mediaType, characters: plainText(document).length, chunks: chunkDocument(document) };
});

/** Reads by format, loading only what that takes. Answers the title where the format has one. */
async function read({ bytes, name, format }: ReadQuestion, list: BlockList): Promise<string | null | void> {
  switch (format.name) {
    case 'markdown':
      return (await import('./read-markdown.ts')).readMarkdown(decodeText(bytes), list);
    case 'text':
      return (await import('./read-text.ts')).readText(decodeText(bytes), list);
    case 'code':
      return (await import('./read-text.ts')).readCode(decodeText(bytes), languageOf(name), list);
    case 'html':
      return (await import('./read-html.ts')).readHtmlFile(bytes, list);
    case 'pdf':
      return (await import('./read-pdf.ts')).readPdf(bytes, list);
    case 'docx':
      return (await import('./read-docx.ts')).readDocx(bytes, list);
    case 'csv':
      return (await import('./read-csv.ts')).readCsv(decodeText(bytes), list);
    case 'json':
      return (await import('./read-json.ts')).readJson(decodeText(bytes), list);
    case 'json_lines':
      return (await import('./read-json.ts')).readJsonLines(decodeText(bytes), list);
  }
}

/** What a library threw as words for a person. */
/** A title as it can be stored and shown; a file may say anything. */
function titleOf(said: string | null | void): string | null {
  const title = storableText(said === undefined || said === null ? '' : said)
    .replaceAll(/\s+/g, ' ')
    .trim();
  return title === '' ? null : title.slice(0, MAX_TITLE).toWellFormed();
}

function explained(error: unknown): Unreadable {
  if (error instanceof Unreadable) return error;
  if (error instanceof RangeError)
    return /call stack/i.test(error.message)
      ? new Unreadable('it is nested too deeply', { cause: error })
      : new Unreadable('it takes too much memory', { cause: error });
  const message = error instanceof Error ? error.message : String(error);
  return new Unreadable(`it is broken: ${message.split('\n', 1)[0]!.slice(0, 200)}`, { cause: error });
}
