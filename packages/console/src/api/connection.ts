import { createClient, type Client } from '@reeve/client';

const KEY = 'reeve.api_key';
const HOLDER = 'reeve.holder';
let client = connect();

/** The client of the server that served this page, with this tab's API key where there is one. */
export function api(): Client {
  return client;
}

/** Another client like `api()`, that asks by a fetch of its own. */
export function apiThrough(fetch: (request: Request) => Promise<Response>): Client {
  return connect(fetch);
}

/** Keeps an API key for this tab only and uses it from now on. A JWT does as well. */
export function keepKey(key: string): void {
  sessionStorage.removeItem(HOLDER);
  sessionStorage.setItem(KEY, key);
  client = connect();
}

/** Forgets this tab's API key. */
export function forgetKey(): void {
  sessionStorage.removeItem(HOLDER);
  sessionStorage.removeItem(KEY);
  client = connect();
}

/** Keeps what was found out about the holder of this tab's key, for as long as the key. Without a key it does nothing. */
export function keepHolder(holder: string): void {
  if (hasKey()) sessionStorage.setItem(HOLDER, holder);
}

/** What was kept about the holder of this tab's key. */
export function keptHolder(): string | undefined {
  return sessionStorage.getItem(HOLDER) ?? undefined;
}

/** This tab's key, by which its holder can be told; never to be shown whole. */
export function heldKey(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

/** Whether this tab holds an API key. */
export function hasKey(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

function connect(fetch?: (request: Request) => Promise<Response>): Client {
  const apiKey = sessionStorage.getItem(KEY);
  return createClient({ ...(apiKey !== null && { apiKey }), ...(fetch !== undefined && { fetch }) });
}
