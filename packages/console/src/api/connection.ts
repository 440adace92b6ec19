import { createClient, type Client } from '@reeve/client';
import { watchedFetch, type StreamWatch } from './watched-fetch.ts';

const KEY = 'reeve.api_key';
let client = connect();

/** The client of the server that served this page, with this tab's API key where there is one. */
export function api(): Client {
  return client;
}

/** Another client like `api()`, that tells when its streams open and close. */
export function watchedApi(watch: StreamWatch): Client {
  return connect(watchedFetch(watch));
}

/** Keeps an API key for this tab only and uses it from now on. */
export function keepKey(key: string): void {
  sessionStorage.setItem(KEY, key);
  client = connect();
}

/** Forgets this tab's API key. */
export function forgetKey(): void {
  sessionStorage.removeItem(KEY);
  client = connect();
}

/** Whether this tab holds an API key. */
export function hasKey(): boolean {
  return sessionStorage.getItem(KEY) !== null;
}

function connect(fetch?: (request: Request) => Promise<Response>): Client {
  const apiKey = sessionStorage.getItem(KEY);
  return createClient({ ...(apiKey !== null && { apiKey }), ...(fetch !== undefined && { fetch }) });
}
