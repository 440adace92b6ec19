import { resolve } from 'node:path';
import { createClient, type Client } from '@reeve/client';
import { readHolder } from '@reeve/db/lock';
import { ReeveError, sleep, type Log } from '@reeve/kit';
import { readConfig, type Config } from '@reeve/server/config';
import { UsageError } from './failure.ts';
import type { CommandIo } from './io.ts';
import { createProcessLog } from '@reeve/server/process-log';
import type { Reeve } from '@reeve/server';

/** A running server; what is known only of one on this data directory is null for one that REEVE_URL names. */
export interface ServerInfo {
  readonly url: string;
  readonly pid: number | null;
  readonly command: string | null;
}

/** Where a command's calls go. Disposing stops what was started for it. */
export interface Connection extends AsyncDisposable {
  readonly client: Client;
  readonly config: Config;
  readonly dataDirectory: string;
  /** The server that answers; undefined where this process does. */
  readonly server: ServerInfo | undefined;
  /** What answers in this process; undefined where a server does. */
  readonly local: Reeve | undefined;
}

/**
 * What a command needs: `server` a server, `shared` a server or at least PostgreSQL, where others work on the queue while
 * this command looks on; `anything` is content with the embedded database.
 */
export type Need = 'anything' | 'shared' | 'server';

/** How long to wait for another command to leave the data directory, or for a starting server to listen. */
const PATIENCE_MS = 10_000;

/**
 * Finds who answers: the server of REEVE_URL, the one that has the data directory, else this process itself. Throws
 * UsageError where that is not what the command needs, and `conflict` where another command keeps the data directory.
 */
export async function connect(io: CommandIo, command: string, need: Need = 'anything'): Promise<Connection> {
  const { config, values } = readConfig({ REEVE_ROLES: 'all' }, io);
  const dataDirectory = resolve(config.dataDirectory);
  if (config.url !== undefined) return overHttp(config, dataDirectory, { url: config.url, pid: null, command: null });

  const level =
    values.find(({ variable }) => variable === 'LOG_LEVEL')?.origin === 'default' ? 'warn' : config.logLevel;
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const holder = readHolder(dataDirectory);
    if (holder?.url != null) return overHttp(config, dataDirectory, { ...holder, url: holder.url });
    const isBusy = holder !== undefined && config.databaseUrl === undefined && performance.now() < deadline;
    if (!isBusy) {
      requireWithoutServer(command, need, config);
      const reeve = await startHere(config, createProcessLog(config, io.stderr, level), command, deadline);
      if (reeve !== undefined) return inProcess(config, reeve);
    }
    await sleep(100);
  }
}

/** Undefined where somebody else was faster to take the data directory and there is time to wait for them. */
async function startHere(config: Config, log: Log, command: string, deadline: number): Promise<Reeve | undefined> {
  const { startReeve } = await import('@reeve/server');
  try {
    return await startReeve({ config, log, command, serve: false });
  } catch (error) {
    const isTaken =
      error instanceof ReeveError && error.reason === 'conflict' && readHolder(config.dataDirectory) !== undefined;
    if (isTaken && performance.now() < deadline) return undefined;
    throw error;
  }
}

function requireWithoutServer(command: string, need: Need, { databaseUrl }: Config): void {
  if (need === 'anything' || (need === 'shared' && databaseUrl !== undefined)) return;
  throw new UsageError(`${command} needs a running server: start one with "reeve serve", or name one in REEVE_URL`);
}

function overHttp(config: Config, dataDirectory: string, { url, pid, command }: ServerInfo): Connection {
  const client = createClient({ baseUrl: url, ...keyOf(config) });
  return {
    client,
    config,
    dataDirectory,
    server: { url, pid, command },
    local: undefined,
    async [Symbol.asyncDispose]() {},
  };
}

function inProcess(config: Config, reeve: Reeve): Connection {
  const client = createClient({ baseUrl: 'http://reeve.local', fetch: reeve.fetch, ...keyOf(config) });
  return {
    client,
    config,
    dataDirectory: reeve.dataDirectory,
    server: undefined,
    local: reeve,
    [Symbol.asyncDispose]: () => reeve[Symbol.asyncDispose](),
  };
}

function keyOf({ apiKeys }: Config): { apiKey?: string } {
  const apiKey = apiKeys?.find((key) => key !== '');
  return apiKey === undefined ? {} : { apiKey };
}
