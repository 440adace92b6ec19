import { Readability } from '@mozilla/readability';
import { parseHTML } from 'linkedom';
import TurndownService from 'turndown';

export interface PageLink {
  readonly text: string;
  readonly url: string;
}

/** A page as it is read. */
export interface Page {
  readonly title: string;
  readonly byline: string;
  readonly published: string;
  readonly markdown: string;
  /** Where it leads on the web, each address once, without parts of pages. */
  readonly links: readonly PageLink[];
  /** Whether the page lets robots follow its links. */
  readonly follow: boolean;
}

const MAX_LINKS = 500;
const NOISE = 'script, style, noscript, template, iframe, object, embed, svg, canvas, form, nav, dialog';

/**
 * Reads HTML: its title, its links and its text as Markdown, of the article where one stands out, else of all but what surrounds
 * pages. Synchronous, and hostile HTML may last and fill the memory or the stack: only for a bounded process.
 */
export function readPage(html: string, url: string): Page {
  const document = parse(html);
  const base = URL.parse(document.querySelector('base[href]')?.getAttribute('href') ?? '', url)?.href ?? url;
  const links = makeAbsolute(document, base);
  const follow = !/nofollow|none/i.test(document.querySelector('meta[name="robots" i]')?.getAttribute('content') ?? '');
  const heading = oneLine(document.title || document.querySelector('h1')?.textContent || '');
  const whole = document.body?.cloneNode(true) as HTMLElement | undefined;
  const article = new Readability(document, { keepClasses: true, charThreshold: 250 }).parse();
  return {
    title: oneLine(article?.title || heading),
    byline: oneLine(article?.byline ?? ''),
    published: oneLine(article?.publishedTime ?? ''),
    markdown: toMarkdown(article?.content || withoutNoise(whole)),
    links,
    follow,
  };
}

/**
 * Reads HTML that is no page of the web, such as a file: its title, empty where it has none, and all that it says as Markdown,
 * with links where they lead to the web. As hard on memory, stack and time as `readPage`.
 */
export function readHtml(html: string): { readonly title: string; readonly markdown: string } {
  const document = parse(html);
  const title = oneLine(document.title);
  makeAbsolute(document, 'about:blank');
  for (const element of document.querySelectorAll(NOISE)) element.remove();
  return { title, markdown: partsToMarkdown(document.body) };
}

function parse(html: string): Document {
  return parseHTML(/<html[\s>]/i.test(html) ? html : `<html><body>${html}</body></html>`).document;
}

/** Gives links and pictures their whole address, or none where they lead nowhere on the web; answers the links. */
function makeAbsolute(document: Document, base: string): PageLink[] {
  const links = new Map<string, PageLink>();
  for (const anchor of document.querySelectorAll('a[href]')) {
    const url = webAddress(anchor.getAttribute('href')!, base);
    if (url === undefined) anchor.removeAttribute('href');
    else {
      anchor.setAttribute('href', url.href);
      url.hash = '';
      if (links.size < MAX_LINKS && !links.has(url.href))
        links.set(url.href, { text: oneLine(anchor.textContent ?? '').slice(0, 200), url: url.href });
    }
  }
  for (const picture of document.querySelectorAll('img')) {
    const url = webAddress(picture.getAttribute('src') ?? '', base);
    if (url === undefined) picture.remove();
    else picture.setAttribute('src', url.href);
  }
  return [...links.values()];
}

function webAddress(text: string, base: string): URL | undefined {
  const url = URL.parse(text, base);
  return url !== null && /^https?:$/.test(url.protocol) && url.href.length <= 2_000 ? url : undefined;
}

/** All that a page says, where no part of it looks like an article. */
function withoutNoise(body: HTMLElement | undefined): string {
  if (body === undefined) return '';
  for (const element of body.querySelectorAll(NOISE)) element.remove();
  return body.innerHTML;
}

/** Elements that begin a block of text. */
const BLOCKS = /^(P|H[1-6]|UL|OL|DL|TABLE|PRE|BLOCKQUOTE|DIV|SECTION|ARTICLE|FIGURE|HR|MAIN|HEADER|FOOTER|ASIDE)$/;
const PART_ELEMENTS = 100;

/**
 * All that an element says as Markdown. Turndown copies all that it has written at each element, so that long texts are given to
 * it in parts that begin with a block.
 */
function partsToMarkdown(element: HTMLElement): string {
  const inner = [...element.childNodes].filter((node) => node.nodeType !== 3 || node.textContent?.trim() !== '');
  const [only] = inner;
  if (inner.length === 1 && /^(DIV|SECTION|ARTICLE|MAIN)$/.test(only!.nodeName))
    return partsToMarkdown(only as HTMLElement);
  const parts: string[] = [];
  let [html, count] = ['', 0];
  for (const node of element.childNodes) {
    if (count >= PART_ELEMENTS && BLOCKS.test(node.nodeName)) {
      parts.push(toMarkdown(html));
      [html, count] = ['', 0];
    }
    html += (node as Node & { toString(): string }).toString();
    count += 1;
  }
  return [...parts, toMarkdown(html)].join('\n\n');
}

function toMarkdown(html: string): string {
  const service = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-' });
  service.remove(['script', 'style', 'noscript', 'iframe']);
  service.addRule('cell', {
    filter: ['th', 'td'],
    replacement: (content) => `| ${oneLine(content).replaceAll('|', '\\|')} `,
  });
  service.addRule('row', {
    filter: 'tr',
    replacement: (content, node) => {
      const cells = node.childNodes.length === 0 ? 0 : (node as Element).querySelectorAll('th, td').length;
      const line = `${content.replaceAll('\n', '')}|\n`;
      return isFirstRow(node) ? `${line}${'| --- '.repeat(cells)}|\n` : line;
    },
  });
  service.addRule('part of a table', { filter: ['thead', 'tbody', 'tfoot'], replacement: (content) => content });
  service.addRule('table', { filter: 'table', replacement: (content) => `\n\n${content}\n\n` });
  return service
    .turndown(html)
    .replaceAll(/[^\S\n]+$/gm, '')
    .replaceAll(/\n{3,}/g, '\n\n');
}

function isFirstRow(row: Node): boolean {
  for (let node: Node = row; node.nodeName !== 'TABLE'; node = node.parentNode) {
    for (let before = node.previousSibling; before !== null; before = before.previousSibling)
      if (/^(TR|THEAD|TBODY)$/.test(before.nodeName)) return false;
    if (node.parentNode === null) return true;
  }
  return true;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
