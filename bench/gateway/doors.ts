import { fileURLToPath } from 'node:url';
import { startServer } from '@reeve/testing';
import pg from 'pg';
import { Pool } from 'undici';
import { startChild } from '../child.ts';
import { createPlace, type Kind } from '../place.ts';
import { ENOUGH, KEY } from './server.ts';

/** A server with the built-in model, or the floor. */
export interface Door {
  readonly origin: string;
  readonly pool: Pool;
  readonly pid: number;
  /** Its database in PostgreSQL. */
  readonly database: string | undefined;
  /** What is sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where it writes profiles. */
  readonly directory: string;
}

/** What differs between servers that are otherwise the same. */
const SERVERS = {
  /** Whoever calls is an admin, without limits. */
  development: { REEVE_RATE_LIMIT: 'off' },
  /** A key is asked for, and each request is counted. */
  guarded: { REEVE_API_KEY: KEY, REEVE_RATE_LIMIT: ENOUGH },
  /** The limit is just small enough that nothing is taken ahead: the database is asked about each batch of requests. */
  counted: { REEVE_API_KEY: KEY, REEVE_RATE_LIMIT: '5999/s' },
  /** As guarded, but the database throws audit rows away, so that none is written, and none sealed. */
  unaudited: { REEVE_API_KEY: KEY, REEVE_RATE_LIMIT: ENOUGH },
} as const;

/** How a server is set up: the last two only over PostgreSQL. */
export type DoorName = keyof typeof SERVERS;

/** The smallest server: `node:http` that parses and answers JSON. */
export async function startBare(stack: AsyncDisposableStack): Promise<Door> {
  const child = stack.use(await startChild([fileURLToPath(new URL('../execute/bare.ts', import.meta.url))]));
  return { ...doorOf(child.url, stack), pid: child.pid, database: undefined, headers: {}, directory: '' };
}

/** A Reeve with a database of its own. */
export async function startDoor(name: DoorName, kind: Kind, stack: AsyncDisposableStack): Promise<Door> {
  const place = stack.use(await createPlace(kind));
  if (name === 'unaudited') await throwAuditAway(place.url!);
  const environment = { ...SERVERS[name], LOG_LEVEL: 'info' };
  const preload = new URL('profiled.ts', import.meta.url).href;
  const server = stack.use(await startServer({ ...place, environment, preload }));
  return {
    ...doorOf(server.url, stack),
    pid: server.pid,
    database: place.url === undefined ? undefined : new URL(place.url).pathname.slice(1),
    headers: name === 'development' ? {} : { authorization: `Bearer ${KEY}` },
    directory: place.dataDirectory,
  };
}

async function throwAuditAway(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(`
    create function drop_row() returns trigger language plpgsql as 'begin return null; end';
    create trigger a_dropped before insert on audit for each row execute function drop_row()`);
  await client.end();
}

function doorOf(origin: string, stack: AsyncDisposableStack): Pick<Door, 'origin' | 'pool'> {
  const pool = new Pool(origin, { connections: 64 });
  stack.defer(() => pool.destroy());
  return { origin, pool };
}
