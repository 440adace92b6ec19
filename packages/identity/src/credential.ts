import { hash, timingSafeEqual } from 'node:crypto';
import { isLoopback, ReeveError } from '@reeve/kit';

/** In development mode a web page must not reach the local admin by a name of its own that points here (DNS rebinding). */
export function requireLocalHost(host: string | undefined): void {
  if (host === undefined || isLoopback(host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'))) return;
  throw new ReeveError(
    'unauthenticated',
    'in development mode only localhost is answered; set REEVE_API_KEY to answer under other names',
  );
}

/** Which of the secrets was given; -1: none. Compared by digest, with all of them, so that time tells nothing. Blank is never right. */
export function placeOf(given: string, secrets: readonly Buffer[]): number {
  const found = digest(given);
  const places = secrets.map((secret, place) => (timingSafeEqual(secret, found) ? place : -1));
  return given === '' ? -1 : Math.max(-1, ...places);
}

export function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
