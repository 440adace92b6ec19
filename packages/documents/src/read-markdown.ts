import MarkdownIt, { type Token } from 'markdown-it';
import { parse } from 'yaml';
import type { BlockList } from './document.ts';
import { readTable } from './markdown-table.ts';
import { nextBlocks, type MarkdownBlock } from './markdown-blocks.ts';

export interface MarkdownOptions {
  /** Whether it was made from another format: lines say nothing then, and what was escaped for Markdown is no part of the text. */
  readonly isMade?: boolean;
}

const inline = new MarkdownIt({ html: true });

/**
 * Reads Markdown: headings as plain text, code without its fences, all else as it is written. A small table stays one, a larger
 * one becomes rows with the names of its columns. Answers the title: of the front matter, else a first heading of level 1.
 */
export function readMarkdown(source: string, list: BlockList, { isMade = false }: MarkdownOptions = {}): string | null {
  const front = isMade ? undefined : /^---[^\S\n]*\n([^]*?\n)(?:---|\.\.\.)[^\S\n]*(?:\n|$)/.exec(source);
  let title = front?.[1] === undefined ? undefined : titleOf(front[1]);
  if (front?.[1] !== undefined) list.add({ kind: 'rows', text: front[1], line: 2 });
  const body = source.slice(front?.[0].length ?? 0);
  const before = front?.[0].split('\n').length ?? 1;
  for (const block of nextBlocks(body)) {
    if (title === undefined && block.token.type === 'heading_open')
      title = block.token.tag === 'h1' ? headingOf(block) : '';
    addBlock(block, list, isMade ? undefined : before + block.line, isMade);
  }
  return title || null;
}

function titleOf(front: string): string | undefined {
  try {
    const { title } = (parse(front) ?? {}) as { title?: unknown };
    return typeof title === 'string' && title.trim() !== '' ? title.trim() : undefined;
  } catch {
    return undefined;
  }
}

function addBlock(block: MarkdownBlock, list: BlockList, at: number | undefined, isMade: boolean): void {
  const { token, source } = block;
  const line = at === undefined ? {} : { line: at };
  const text = isMade ? withoutEscapes(source) : source;
  switch (token.type) {
    case 'heading_open':
      return list.add({ kind: 'heading', level: Number(token.tag.slice(1)), text: headingOf(block), ...line });
    case 'fence':
    case 'code_block': {
      const [language] = token.info.trim().split(/[\s{,]/, 1);
      return list.add({ kind: 'code', text: token.content, ...(language ? { language } : {}), ...line });
    }
    case 'bullet_list_open':
    case 'ordered_list_open':
      return list.add({ kind: 'list', text, ...line });
    case 'table_open':
      return readTable(block, isMade ? withoutEscapes : (cell) => cell, list, at);
    case 'hr':
      return;
    case 'html_block':
      if (isComment(source.trim())) return;
  }
  list.add({ kind: 'paragraph', text, ...line });
}

function isComment(html: string): boolean {
  return html.startsWith('<!--') && html.indexOf('-->') === html.length - 3;
}

/** What a heading says, without its markup. */
function headingOf({ inner }: MarkdownBlock): string {
  const written = inner.find((token) => token.type === 'inline')?.content ?? '';
  const textOf = (tokens: readonly Token[]): string =>
    tokens
      .map(({ type, content, children }) => {
        if (type === 'softbreak' || type === 'hardbreak') return ' ';
        if (type === 'html_inline') return '';
        return children === null ? content : textOf(children);
      })
      .join('');
  return textOf(inline.parseInline(written.slice(0, 2_000), {}))
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** Markdown without the backslashes before its marks; inside code they are part of the text. */
function withoutEscapes(text: string): string {
  return text.replaceAll(/(`+)[^]*?\1|\\([!-/:-@[-`{-~])/g, (whole, _ticks, mark?: string) => mark ?? whole);
}
