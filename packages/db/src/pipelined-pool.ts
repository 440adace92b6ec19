import { createHash } from 'node:crypto';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type pg from 'pg';
import { sendPipeline, type Answer } from './pipeline-query.ts';
import { TOGETHER, type Statement } from './sql.ts';
import { isStalePlan, isStatementMissing } from './sqlstate.ts';
import { isSetting } from './tenant.ts';

/** Most statements of a process that are prepared. */
const LIMIT = 400;
/** A statement is prepared when it is sent this often: those whose text grows with their values seldom come again. */
const REPEATED = 3;

export interface PipelineOptions {
  /**
   * A statement that sets what all others rely on until their transaction ends, for connections without a session. It leaves in one
   * pipeline with the first statement of each transaction, and with each statement outside of one, which makes those a transaction.
   */
  readonly settings?: string | undefined;
  /** After so many milliseconds without an answer the connection is taken for dead. Undefined: statements may take as long as they like. */
  readonly patienceMs?: number | undefined;
}

/**
 * Returns the same pool, saving its connections work and waiting: a statement with parameters that repeats is prepared and sent by
 * its name from then on, and `begin` and a transaction's settings leave in one pipeline with its first statement.
 */
export function createPipelinedPool(
  pool: pg.Pool,
  names: StatementNames,
  { settings, patienceMs }: PipelineOptions = {},
): PostgresPool {
  const settingFirst: readonly Statement[] = settings === undefined ? [] : [{ text: settings, parameters: [] }];
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  /** How often prepared statements turned out to be stale or missing. */
  let invalidations = 0;

  /** Rejects with the loss of the connection, which is cut, where it keeps silent for too long. */
  async function withinPatience<T>(client: pg.PoolClient, answer: Promise<T>): Promise<T> {
    if (patienceMs === undefined) return answer;
    const timer = setTimeout(() => {
      // The driver's types leave its connection out.
      const { connection } = client as pg.PoolClient & { readonly connection: pg.Connection };
      connection.stream.destroy(new Error('Connection terminated: the database did not answer in time'));
    }, patienceMs);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  function wrap(client: pg.PoolClient): PostgresPoolClient {
    /** Statements that are sent with the next one. */
    let ahead: Statement[] = [];
    /** Names of statements that the connection has. */
    const prepared = new Set<string>();
    let preparedAfter = invalidations;
    let isOpen = false;

    async function send(statements: readonly Statement[]): Promise<readonly Answer[]> {
      if (preparedAfter !== invalidations) prepared.clear();
      preparedAfter = invalidations;
      const sent = statements.map((statement) => {
        const name = statement.parameters.length === 0 ? undefined : names.nameOf(statement.text);
        return { ...statement, name, isNew: name === undefined || !prepared.has(name) };
      });
      try {
        const answers = await withinPatience(client, sendPipeline(client, sent));
        for (const { name } of sent) if (name !== undefined) prepared.add(name);
        return answers;
      } catch (error) {
        if (isInvalid(error)) invalidations += 1;
        if (isStatementMissing(error)) names.noticePooler();
        throw error;
      }
    }

    const sendText = (text: string): Promise<Answer> => withinPatience(client, client.query(text));

    /** Sends statements, and once more where a prepared one is invalid and nothing has been done in this transaction yet. */
    async function sendFirst(
      opening: readonly Statement[],
      statements: readonly Statement[],
    ): Promise<readonly Answer[]> {
      const wasOpen = isOpen;
      isOpen ||= opening[0]?.text === 'begin';
      try {
        return await send([...opening, ...statements]);
      } catch (error) {
        if (wasOpen || !isInvalid(error)) throw error;
        if (isOpen) await sendText('rollback');
        return send([...opening, ...statements]);
      }
    }

    async function query(text: string, parameters: readonly unknown[] = []): Promise<Answer> {
      if (text === 'begin' || (ahead.length > 0 && isSetting(text))) {
        ahead.push({ text, parameters }, ...(text === 'begin' ? settingFirst : []));
        return NOTHING;
      }
      const waiting = ahead;
      ahead = [];
      if (text === 'commit' || text === 'rollback') {
        isOpen = false;
        return waiting.length > 0 ? NOTHING : sendText(text);
      }
      const first = waiting.length === 0 && !isOpen ? settingFirst : waiting;
      if (first.length === 0 && parameters.length === 0) return sendText(text);
      const statements = text === TOGETHER ? (parameters as readonly Statement[]) : [{ text, parameters }];
      const answers = (await sendFirst(first, statements)).slice(first.length);
      if (text !== TOGETHER) return answers[0]!;
      return { command: 'SELECT', rowCount: answers.length, rows: answers.map(({ rows }) => rows as unknown[]) };
    }
    // Kysely's type has a second form, for cursors, which need a setting of its own that is not made here.
    return { query: query as unknown as PostgresPoolClient['query'], release: (discard) => client.release(discard) };
  }

  return {
    options: pool.options,
    async connect() {
      const client = await pool.connect();
      const wrapped = clients.get(client) ?? wrap(client);
      clients.set(client, wrapped);
      return wrapped;
    },
    end: () => pool.end(),
  };
}

/** The answer to a transaction in which nothing happens. */
const NOTHING: Answer = { command: 'BEGIN', rowCount: null, rows: [] };

function isInvalid(error: unknown): boolean {
  return isStalePlan(error) || isStatementMissing(error);
}

/** Whether statements are prepared; `auto`: unless a pooler in front of PostgreSQL is noticed. */
export type Prepared = 'auto' | 'on' | 'off';

/** The names under which a process prepares statements. */
export interface StatementNames {
  /** Returns the name of a statement; undefined: it is not prepared. */
  nameOf(text: string): string | undefined;
  /** Tells that a connection lacks a statement that was prepared on it, as behind a pooler in transaction mode. */
  noticePooler(): void;
}

/**
 * Names statements after their text, so that behind a pooler no process ever runs the statement of another under its name. A
 * statement gets its name when it is met for the third time.
 */
export function createStatementNames(prepared: Prepared): StatementNames {
  const names = new Map<string, string>();
  const met = new Map<string, number>();
  let isOff = prepared === 'off';
  return {
    nameOf(text) {
      if (isOff) return undefined;
      const known = names.get(text);
      if (known !== undefined || names.size >= LIMIT) return known;
      const times = (met.get(text) ?? 0) + 1;
      if (times < REPEATED) {
        if (met.size >= LIMIT * 10) met.clear();
        met.set(text, times);
        return undefined;
      }
      met.delete(text);
      const name = `reeve_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
      names.set(text, name);
      return name;
    },
    noticePooler() {
      if (prepared === 'auto') isOff = true;
    },
  };
}
