import { readHtml } from '@reeve/kit/page';
import { decodeText } from './decode.ts';
import type { BlockList } from './document.ts';
import { readMarkdown } from './read-markdown.ts';

/** Reads HTML through Markdown: all that it says but scripts, styles, forms and navigation. Answers its title. */
export function readHtmlFile(bytes: Uint8Array, list: BlockList): string | null {
  const head = Buffer.from(bytes.subarray(0, 2_048)).toString('latin1');
  return readHtmlText(decodeText(bytes, /<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(head)?.[1]), list);
}

/** The same of a text. */
export function readHtmlText(html: string, list: BlockList): string | null {
  const { title, markdown } = readHtml(html);
  const heading = readMarkdown(markdown, list, { isMade: true });
  return title || heading;
}
