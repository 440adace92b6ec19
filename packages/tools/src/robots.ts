import type { Outgoing } from '@reeve/http';
import { ReeveError, type BoundedWorker } from '@reeve/kit';
import type { PageAnswer, PageQuestion, Permission } from './page-worker.ts';
import { readText } from './web-body.ts';

/** The name that robots.txt knows Reeve by. */
const ROBOT = 'Reeve';
export const USER_AGENT = `${ROBOT}/0.1 (an agent on behalf of a user)`;

const MAX_BYTES = 512 * 1024;
const TIMEOUT_MS = 10_000;

/** Whether robots may read an address, and how long they shall wait between two; or why that is not known. */
export type Verdict = Permission | { readonly unknown: string };

/** Asks the robots.txt of each server once. */
export interface Robots {
  /** Throws what the guard refuses, and `cancelled`. */
  verdict(url: URL, signal: AbortSignal): Promise<Verdict>;
}

/**
 * The rules of robots.txt as RFC 9309 has them: a server without one allows everything, one that fails or cannot be reached
 * forbids it.
 */
export function createRobots(outgoing: Outgoing, worker: BoundedWorker<PageQuestion, PageAnswer>): Robots {
  const known = new Map<string, { readonly rules: string } | { readonly unknown: string }>();
  return {
    async verdict(url, signal) {
      const at = new URL('/robots.txt', url).href;
      const found = known.get(url.origin) ?? (await readRules(outgoing, at, signal));
      known.set(url.origin, found);
      if ('unknown' in found) return found;
      if (found.rules === '') return { allowed: true, delaySeconds: 0 };
      const question: PageQuestion = { kind: 'robots', robots: found.rules, at, url: url.href, agent: ROBOT };
      const asked = await worker.ask(question, signal);
      if (asked.kind !== 'answer') return { unknown: `${at} cannot be understood` };
      return asked.value as Permission;
    },
  };
}

async function readRules(
  outgoing: Outgoing,
  at: string,
  signal: AbortSignal,
): Promise<{ rules: string } | { unknown: string }> {
  try {
    const answer = await outgoing.fetch(at, {
      headers: { 'user-agent': USER_AGENT, accept: 'text/plain' },
      signal,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      cut: true,
    });
    if (answer.status >= 500) return { unknown: `${at} answers ${answer.status}` };
    if (answer.status >= 300) return { rules: '' };
    return { rules: (await readText(answer, MAX_BYTES)).text ?? '' };
  } catch (error) {
    if (!(error instanceof ReeveError) || (error.reason !== 'upstream_error' && error.reason !== 'timeout'))
      throw error;
    return { unknown: error.message };
  }
}
