import { PGlite, types } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import {
  CompiledQuery,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
} from 'kysely';
import { reuseRoom, shortenLog, type TableSizes } from './checkpoint.ts';
import type { Channel, Database } from './database.ts';
import { migrate } from './migrate.ts';
import { createStatements, type RunStatement } from './pglite-statements.ts';
import { TOGETHER, type Statement } from './sql.ts';
import type { Tables } from './tables.ts';
import { ensureVectors, type VectorSupport } from './vectors.ts';

/**
 * Opens the embedded PostgreSQL in a directory that exists (restored from the snapshot, or empty) and migrates it.
 * One connection, so transactions queue behind each other. The directory must be locked: two processes on it
 * destroy it. Committed work survives the death of the process, not the loss of power: PGlite never syncs.
 */
export async function openPglite(directory: string): Promise<Database> {
  const pglite = await PGlite.create(directory, {
    extensions: { vector },
    // Its own parser of bytea takes six times as long.
    parsers: {
      [types.INT8]: Number,
      [types.NUMERIC]: String,
      [types.BYTEA]: (hex) => Buffer.from(hex.slice(2), 'hex'),
    },
  });
  const run = (text: string) => pglite.exec(text).then((results) => results.at(-1)?.rows ?? []);
  let vectors: VectorSupport;
  try {
    await pglite.exec(`set client_min_messages = warning; set timezone = 'UTC'`);
    await migrate(run);
    vectors = await ensureVectors(run);
  } catch (error) {
    await pglite.close();
    throw error;
  }
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new PgliteDriver(pglite),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
  const sizes: TableSizes = new Map();
  const upkeep = [
    setInterval(() => void shortenLog(db, LOG_BYTES).catch(() => undefined), LOOK_MS).unref(),
    setInterval(() => void reuseRoom(db, sizes, ROOM_BYTES).catch(() => undefined), ROOM_MS).unref(),
  ];
  const listeners = new Map<Channel, Set<(payload: string | null) => void>>();
  return {
    kind: 'pglite',
    vectors,
    db,
    queue: db,
    listen(channel, hear) {
      const set = listeners.get(channel) ?? new Set();
      listeners.set(channel, set.add(hear));
      return () => set.delete(hear);
    },
    notify(channel, payload) {
      for (const hear of listeners.get(channel) ?? []) queueMicrotask(() => hear(payload));
    },
    async [Symbol.asyncDispose]() {
      upkeep.forEach(clearInterval);
      await db.destroy();
    },
  };
}

/** Of the log, before a checkpoint is made, which nobody else makes here. */
const LOG_BYTES = 48 * 2 ** 20;
const LOOK_MS = 10_000;
/** By which a table grows before it is vacuumed. */
const ROOM_BYTES = 8 * 2 ** 20;
const ROOM_MS = 60_000;

/** Longest time that queries in a row may keep the event loop, in milliseconds. */
const BREATH_MS = 5;

/** Hands the one connection to one user at a time, first come first served. */
class PgliteDriver implements Driver {
  readonly #pglite: PGlite;
  readonly #connection: DatabaseConnection;
  #free: Promise<void> = Promise.resolve();
  #release: () => void = () => {};
  #breathedAt = 0;

  constructor(pglite: PGlite) {
    this.#pglite = pglite;
    this.#connection = new PgliteConnection(pglite);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#free;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#free = promise;
    await before;
    await this.#breathe();
    this.#release = resolve;
    return this.#connection;
  }

  /** PGlite answers without ever leaving the microtask queue: without this, queries in a row would hold up timers and sockets. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathedAt < BREATH_MS) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#breathedAt = performance.now();
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async destroy(): Promise<void> {
    await this.#free;
    if (!this.#pglite.closed) await this.#pglite.close();
  }
}

class PgliteConnection implements DatabaseConnection {
  readonly #run: RunStatement;

  constructor(pglite: PGlite) {
    this.#run = createStatements(pglite);
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    if (query.sql === TOGETHER) {
      const answers: unknown[] = [];
      for (const { text, parameters } of query.parameters as readonly Statement[])
        answers.push((await this.#run(text, parameters)).rows);
      return { rows: answers as Row[] };
    }
    const { rows, affectedRows } = await this.#run(query.sql, query.parameters);
    return { rows: rows as Row[], ...(affectedRows !== undefined && { numAffectedRows: BigInt(affectedRows) }) };
  }

  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    yield await this.executeQuery<Row>(query);
  }
}
