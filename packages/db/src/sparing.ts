import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type pg from 'pg';
import { sendPacket, type Answer } from './packet.ts';
import { TOGETHER, type Statement } from './sql.ts';
import { isStalePlan } from './sqlstate.ts';
import { isSetting } from './tenant.ts';

/** Statements of a pool that are prepared, for good. */
const LIMIT = 400;
/** Times that a statement is met before it is prepared: those whose text grows with their values seldom come again. */
const REPEATED = 3;

/**
 * The same pool, sparing its connections work and waiting: each statement with parameters that repeats is prepared and only named
 * from then on, and `begin` and a transaction's settings leave in one packet with its first statement.
 */
export function sparing(pool: pg.Pool): PostgresPool {
  const nameOf = createNames();
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  /** How often a migration was met under statements that were prepared before it. */
  let migrations = 0;

  function wrap(client: pg.PoolClient): PostgresPoolClient {
    /** What comes before the next statement and was not sent yet. */
    let ahead: Statement[] = [];
    /** Names of statements that the connection surely has. */
    const prepared = new Set<string>();
    let preparedAfter = migrations;
    let isOpen = false;

    async function send(statements: readonly Statement[]): Promise<readonly Answer[]> {
      if (preparedAfter !== migrations) prepared.clear();
      preparedAfter = migrations;
      const sent = statements.map((statement) => {
        const name = statement.parameters.length === 0 ? undefined : nameOf(statement.text);
        return { ...statement, name, isNew: name === undefined || !prepared.has(name) };
      });
      try {
        const answers = await sendPacket(client, sent);
        for (const { name } of sent) if (name !== undefined) prepared.add(name);
        return answers;
      } catch (error) {
        if (isStalePlan(error)) migrations += 1;
        throw error;
      }
    }

    /** The same; where a plan is stale and nothing has been done in this transaction yet, once more with new ones. */
    async function sendFirst(
      opening: readonly Statement[],
      statements: readonly Statement[],
    ): Promise<readonly Answer[]> {
      const wasOpen = isOpen;
      isOpen ||= opening.length > 0;
      try {
        return await send([...opening, ...statements]);
      } catch (error) {
        if (wasOpen || !isStalePlan(error)) throw error;
        if (isOpen) await client.query('rollback');
        return send([...opening, ...statements]);
      }
    }

    async function query(text: string, parameters: readonly unknown[] = []): Promise<Answer> {
      if (text === 'begin' || (ahead.length > 0 && isSetting(text))) {
        ahead.push({ text, parameters });
        return NOTHING;
      }
      const first = ahead;
      ahead = [];
      if (text === 'commit' || text === 'rollback') {
        isOpen = false;
        if (first.length > 0) return NOTHING;
      }
      if (first.length === 0 && parameters.length === 0) return client.query(text);
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

/** What a transaction in which nothing happens answers. */
const NOTHING: Answer = { command: 'BEGIN', rowCount: null, rows: [] };

/** Names for the statements that repeat; undefined for one that is not to be prepared. */
function createNames(): (text: string) => string | undefined {
  const names = new Map<string, string>();
  const met = new Map<string, number>();
  return (text) => {
    const known = names.get(text);
    if (known !== undefined || names.size >= LIMIT) return known;
    const times = (met.get(text) ?? 0) + 1;
    if (times < REPEATED) {
      if (met.size >= LIMIT * 10) met.clear();
      met.set(text, times);
      return undefined;
    }
    met.delete(text);
    const name = `reeve_${names.size}`;
    names.set(text, name);
    return name;
  };
}
