import type { PlannedCall } from './call.ts';
import { trimEnds, unquote } from './words.ts';

const FETCH =
  /^(?:fetch|get|open|read|load|crawl|visit|download|show(?: me)?|summari[sz]e|what(?:['’]?s| is) (?:on|at))\s+(?:me\s+)?(?:(?:the|this)\s+)?(?:(?:web ?)?(?:page|site|url|link|address)\s+)?(?:(?:at|of|from)\s+)?["'`<“]?(?=https?:\/\/\S)/i;

export function startsFetch(head: string): boolean {
  return FETCH.test(head);
}

/** A request for a page of the web, by its address. */
export function readFetch(piece: string): PlannedCall {
  const address = /https?:\/\/[^\s"'`<>”]{1,2000}/i.exec(piece)![0];
  return { tool: 'web_crawl', input: { url: unquote(trimEnds(address)) } };
}
