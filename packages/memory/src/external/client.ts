import { createHash } from 'node:crypto';
import type { Memory } from '@reeve/contract';
import type { Outgoing, OutgoingAnswer } from '@reeve/http';
import { ReeveError } from '@reeve/kit';
import type { ExternalHit } from './answer.ts';
import { readForgotten, readFound, readRemembered, type Coordinate } from './protocol.ts';

/** The backend’s address, and our identity there. */
export interface ExternalMemoryOptions {
  /** Without a path below which its API is not. */
  readonly baseUrl: string;
  readonly apiKey?: string | undefined;
  /** Prefix of tenant names there, so that several installations can share a backend. */
  readonly tenantPrefix?: string | undefined;
  readonly outgoing: Pick<Outgoing, 'fetch'>;
  /** How long it may take to answer a search; 1,500. */
  readonly recallMs?: number;
  /** How long it may take with anything else; 10,000. */
  readonly patienceMs?: number;
}

/** A memory as sent to the backend. */
export type ExternalMemoryInput = Pick<
  Memory,
  'id' | 'text' | 'tags' | 'persona_id' | 'superseded_by' | 'created_at'
> & {
  /** Seconds until its time is over; null: never. */
  readonly ttlS: number | null;
};

/**
 * An external memory that speaks the memory API of SomaBrain. Everything rejects with `timeout`, `cancelled`, `upstream_error` and
 * `malformed_answer`, with `provider_key_refused` where its key is not taken, with `rate_limited`, and with `invalid_request` where it does
 * not take what it was told.
 */
export interface ExternalMemory {
  /** Its name in messages: the host. */
  readonly name: string;
  /** The same for the same backend and names there, whatever the key. */
  readonly target: string;
  /** Stores a memory under its ID, replacing an existing one, and returns its coordinate. */
  remember(tenantId: string, memory: ExternalMemoryInput, signal: AbortSignal): Promise<Coordinate>;
  /** Overwrites a memory of unknown coordinate with an empty one, and returns the coordinate. */
  overwrite(tenantId: string, id: string, signal: AbortSignal): Promise<Coordinate>;
  /** Deletes a memory; succeeds if it does not exist. */
  forget(tenantId: string, coordinate: Coordinate, signal: AbortSignal): Promise<void>;
  /** The best matches of a query, at most `count`, best first. */
  recall(tenantId: string, query: string, count: number, signal?: AbortSignal): Promise<ExternalHit[]>;
  /** Resolves if the backend reports that it is healthy. */
  check(signal?: AbortSignal): Promise<void>;
}

const RECALL_MS = 1_500;
const PATIENCE_MS = 10_000;
/** Limit for a search response, which repeats each text up to three times. */
const MOST_BYTES = 8 * 1024 * 1024;
const NAMESPACE = 'reeve';
const PREFIX = 'reeve';
/** Answers of a backend that does not have a route. */
const MISSING: ReadonlySet<number> = new Set([404, 405, 501]);

export function createExternalMemory({
  baseUrl,
  apiKey,
  tenantPrefix = PREFIX,
  outgoing,
  recallMs = RECALL_MS,
  patienceMs = PATIENCE_MS,
}: ExternalMemoryOptions): ExternalMemory {
  const base = baseUrl.replace(/\/+$/, '');
  const name = new URL(base).host;
  // No tenant has a dot in its id, so no two have one name.
  const tenantOf = (tenantId: string) => `${tenantPrefix}.${tenantId}`;

  async function ask(path: string, { tenantId, body, timeoutMs = patienceMs, signal }: Asked): Promise<OutgoingAnswer> {
    const answer = await outgoing.fetch(`${base}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'application/json',
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
        ...(tenantId !== undefined && { 'x-tenant-id': tenantOf(tenantId), 'x-namespace': NAMESPACE }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeoutMs,
      maxBytes: MOST_BYTES,
      // A redirect would send memories and the key to another host.
      maxRedirects: 0,
      ...(signal !== undefined && { signal }),
    });
    if (answer.status === 401 || answer.status === 403)
      throw new ReeveError('provider_key_refused', `${name} does not take SOMA_API_KEY (status ${answer.status})`);
    if (answer.status === 429) throw new ReeveError('rate_limited', `${name} is asked too often`);
    return answer;
  }

  async function told(path: string, asked: Asked): Promise<unknown> {
    const answer = await ask(path, asked);
    requireDone(path, answer);
    return parsed(answer);
  }

  function requireDone(path: string, { status }: OutgoingAnswer): void {
    if (status >= 200 && status <= 299) return;
    const isOurs = status >= 400 && status <= 499 && !MISSING.has(status) && status !== 408;
    throw new ReeveError(isOurs ? 'invalid_request' : 'upstream_error', `${name} answers ${path} with ${status}`);
  }

  function parsed({ body }: OutgoingAnswer): unknown {
    try {
      return JSON.parse(body.toString());
    } catch (error) {
      throw new ReeveError('malformed_answer', `${name} answered with invalid JSON`, { cause: error });
    }
  }

  async function store(tenantId: string, key: string, rest: Readonly<Record<string, unknown>>, signal: AbortSignal) {
    const body = { tenant: tenantOf(tenantId), namespace: NAMESPACE, key, ...rest };
    return readRemembered(await told('/memory/remember', { tenantId, body, signal }));
  }

  return {
    name,
    target: createHash('sha256').update(`${base}\n${tenantPrefix}`).digest('hex'),
    remember(tenantId, { id, text, tags, ttlS, ...memory }, signal) {
      const value = { id, text, ...memory };
      return store(tenantId, id, { value, tags, ...(ttlS !== null && { ttl_seconds: ttlS }) }, signal);
    },
    overwrite: (tenantId, id, signal) => store(tenantId, id, { value: { id, text: 'forgotten' }, tags: [] }, signal),
    async forget(tenantId, coordinate, signal) {
      const now = await ask('/memory/forget', {
        tenantId,
        body: { coord: coordinate, tenant: tenantOf(tenantId) },
        signal,
      });
      // Older ones have it by another name.
      if (MISSING.has(now.status)) readForgotten(await told('/delete', { tenantId, body: { coordinate }, signal }));
      else {
        requireDone('/memory/forget', now);
        readForgotten(parsed(now));
      }
    },
    async recall(tenantId, query, count, signal) {
      const body = { tenant: tenantOf(tenantId), namespace: NAMESPACE, query, top_k: count };
      return readFound(await told('/memory/recall', { tenantId, body, timeoutMs: recallMs, signal }));
    },
    async check(signal) {
      await told('/health', { tenantId: undefined, timeoutMs: recallMs, signal });
    },
  };
}

interface Asked {
  readonly tenantId: string | undefined;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}
