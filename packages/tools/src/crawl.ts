import type { Outgoing, OutgoingAnswer } from '@reeve/http';
import { openBoundedProcess, ReeveError, sleep, type BoundedWorker } from '@reeve/kit';
import type { Page } from '@reeve/kit/page';
import type { PageAnswer, PageQuestion } from './page-worker.ts';
import { createRobots, USER_AGENT, type Robots } from './robots.ts';
import { readText } from './web-body.ts';

export interface CrawlOptions {
  readonly url: string;
  readonly maxPages: number;
  /** How many links may lie between the first page and the last; 0 is the first page alone. */
  readonly maxDepth: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What was read at an address, or why nothing was. */
export type Visit =
  | { readonly url: string; readonly depth: number; readonly page: Page; readonly cut: boolean }
  | { readonly url: string; readonly depth: number; readonly error: string };

const PAGE_MS = 15_000;
const MAX_PAGE_BYTES = 1_500_000;
const MAX_REDIRECTS = 5;
const MAX_PAUSE_MS = 5_000;
/** For the parsing of all pages together. */
const PARSE_MS = 10_000;
const HTML: ReadonlySet<string> = new Set(['text/html', 'application/xhtml+xml']);

/**
 * Reads a page and, breadth first, those of the same origin that it leads to, one after another and as their robots.txt
 * allows. What goes wrong with a page is told in its place. Throws what the guard refuses of the first address, and `cancelled`.
 */
export async function* crawl(outgoing: Outgoing, options: CrawlOptions): AsyncGenerator<Visit> {
  const { url: first, maxPages, maxDepth, timeoutMs, signal } = options;
  const file = new URL('./page-worker.ts', import.meta.url);
  await using worker = openBoundedProcess<PageQuestion, PageAnswer>({ file, timeoutMs: PARSE_MS });
  const reader: Reader = {
    outgoing,
    worker,
    robots: createRobots(outgoing, worker),
    signal,
    until: Date.now() + timeoutMs,
  };
  const start = outgoing.check(first);
  start.hash = '';
  const waiting = [{ url: start, depth: 0 }];
  const met = new Set([start.href]);
  let origin = start.origin;
  for (let count = 0; count < maxPages; count++) {
    const next = waiting.shift();
    if (next === undefined || leftMs(reader) <= 0) return;
    const visit = await visitPage(reader, next.url, next.depth);
    met.add(visit.url);
    yield visit;
    if (count === 0) origin = new URL(visit.url).origin;
    if ('error' in visit || !visit.page.follow || next.depth >= maxDepth) continue;
    for (const link of visit.page.links) {
      const url = new URL(link.url);
      if (url.origin !== origin || met.has(url.href)) continue;
      met.add(url.href);
      waiting.push({ url, depth: next.depth + 1 });
    }
  }
}

interface Reader {
  readonly outgoing: Outgoing;
  readonly worker: BoundedWorker<PageQuestion, PageAnswer>;
  readonly robots: Robots;
  readonly signal: AbortSignal;
  readonly until: number;
}

function leftMs({ until }: Reader): number {
  return until - Date.now();
}

async function visitPage(reader: Reader, url: URL, depth: number): Promise<Visit> {
  try {
    const answer = await fetchAllowed(reader, url);
    return { depth, ...(await readAnswer(reader, answer)) };
  } catch (error) {
    if (!(error instanceof ReeveError) || !TOLD.has(error.reason)) throw error;
    return { url: url.href, depth, error: error.message };
  }
}

/** What is said of one page and does not end the crawl. */
const TOLD: ReadonlySet<string> = new Set(['upstream_error', 'timeout', 'policy_denied', 'invalid_request']);

/** Asks for a page, following redirects one by one: each hop needs leave of its own. */
async function fetchAllowed(reader: Reader, first: URL): Promise<OutgoingAnswer> {
  const { outgoing, robots, signal } = reader;
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const verdict = await robots.verdict(url, signal);
    if ('unknown' in verdict)
      throw new ReeveError('upstream_error', `it is not known whether robots may read it: ${verdict.unknown}`);
    if (!verdict.allowed) throw new ReeveError('policy_denied', `the robots.txt of ${url.host} does not allow it`);
    await sleep(Math.min(verdict.delaySeconds * 1_000, MAX_PAUSE_MS, Math.max(0, leftMs(reader))), signal);
    const answer = await outgoing.fetch(url.href, {
      headers: { 'user-agent': USER_AGENT, accept: 'text/html, text/*;q=0.9, application/json;q=0.5' },
      signal,
      timeoutMs: Math.max(1, Math.min(PAGE_MS, leftMs(reader))),
      maxBytes: MAX_PAGE_BYTES,
      cut: true,
      maxRedirects: 0,
    });
    const location = answer.status >= 300 && answer.status < 400 ? answer.headers['location'] : undefined;
    if (location === undefined) return answer;
    const target = URL.parse(location, url);
    if (target === null) throw new ReeveError('upstream_error', `${url.host} redirected to an invalid URL`);
    url = outgoing.check(target.href);
  }
  throw new ReeveError('upstream_error', `${first.host} redirects more than ${MAX_REDIRECTS} times`);
}

async function readAnswer(
  { worker, signal }: Reader,
  answer: OutgoingAnswer,
): Promise<{ url: string } & ({ page: Page; cut: boolean } | { error: string })> {
  const { url, status } = answer;
  if (status >= 400) return { url, error: `the server answers ${status}` };
  const { mediaType, text, truncated: cut } = await readText(answer, MAX_PAGE_BYTES);
  if (text === undefined) return { url, error: `is ${mediaType || 'of an unknown type'}, not a page of text` };
  if (!HTML.has(mediaType) && (mediaType !== '' || !/^\s*<(!doctype|html)/i.test(text)))
    return { url, cut, page: { title: '', byline: '', published: '', markdown: text, links: [], follow: false } };
  const asked = await worker.ask({ kind: 'page', html: text, url }, signal);
  if (asked.kind === 'late') return { url, error: 'its HTML takes too long to be read' };
  if (asked.kind === 'refused') return { url, error: `its HTML cannot be read: ${asked.message}` };
  return { url, cut, page: asked.value as Page };
}
