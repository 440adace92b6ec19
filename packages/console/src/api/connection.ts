import { createClient, type Client } from '@reeve/client';

const KEY = 'reeve.api_key';
let client = connect();

/** The client of the server that served this page, with this tab's API key where there is one. */
export function api(): Client {
  return client;
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

function connect(): Client {
  const apiKey = sessionStorage.getItem(KEY);
  return createClient(apiKey === null ? {} : { apiKey });
}
