import type { Duplex } from 'node:stream';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type pg from 'pg';
import { TOGETHER, type Statement } from './sql.ts';
import { isStalePlan } from './sqlstate.ts';

/** Statements that are kept prepared. */
const LIMIT = 400;
/** Times that a statement is met before it is prepared: those whose text grows with their values seldom come again. */
const REPEATED = 3;
/** What can be prepared; other statements steer their transaction or change tables. */
const PLANNED = /^\s*(select|with|insert|update|delete)\b/i;
/** What binds a transaction to a tenant, see tenant.ts: nobody reads its answer, and where it fails the transaction has failed. */
const SETTINGS = /^select set_config\(/;

/**
 * The same pool, sparing its connections work and waiting: each statement that repeats is prepared and only named from then on, and
 * `begin` and a transaction's settings are sent right before its first statement, which does not wait for their answers.
 */
export function sparing(pool: pg.Pool): PostgresPool {
  const names = createNames();
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();

  function wrap(client: pg.PoolClient): PostgresPoolClient {
    /** What comes before the next statement and was not sent yet. */
    let ahead: string[] = [];
    async function send({ text, parameters }: Statement): Promise<Answer> {
      const name = names.of(text);
      try {
        return await client.query({ text, values: [...parameters], ...(name !== undefined && { name }) });
      } catch (error) {
        if (isStalePlan(error)) names.renew(text);
        throw error;
      }
    }
    async function query(text: string, values: readonly unknown[] = []): Promise<Answer> {
      if (text === 'begin' || (ahead.length > 0 && SETTINGS.test(text))) {
        ahead.push(text);
        return NOTHING;
      }
      const first = ahead.join('; ');
      ahead = [];
      if (first !== '' && (text === 'commit' || text === 'rollback')) return NOTHING;
      const statements = text === TOGETHER ? (values as readonly Statement[]) : [{ text, parameters: values }];
      const [, answers] = await inOnePacket(client, () => [
        first === '' ? undefined : client.query(first),
        Promise.all(statements.map(send)),
      ]);
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

/** Has what is sent meanwhile leave as one write; each by itself costs a call of the system, and may wake the database. */
function inOnePacket<Sent extends readonly unknown[]>(client: pg.PoolClient, send: () => Sent) {
  const { stream } = (client as pg.PoolClient & Connected).connection;
  stream.cork();
  try {
    return Promise.all(send());
  } finally {
    stream.uncork();
  }
}

/** What the driver's own statements use in the same way. */
interface Connected {
  readonly connection: { readonly stream: Pick<Duplex, 'cork' | 'uncork'> };
}

type Answer = Pick<pg.QueryResult, 'command' | 'rowCount' | 'rows'>;

/** What a transaction in which nothing happens answers. */
const NOTHING: Answer = { command: 'BEGIN', rowCount: null, rows: [] };

/** Names for the statements that repeat. */
function createNames() {
  const names = new Map<string, string>();
  const met = new Map<string, number>();
  let made = 0;
  return {
    /** Undefined for a statement that is not prepared. */
    of(text: string): string | undefined {
      const known = names.get(text);
      if (known !== undefined || names.size >= LIMIT) return known;
      const times = (met.get(text) ?? 0) + 1;
      if (times < REPEATED || !PLANNED.test(text)) {
        if (met.size >= LIMIT * 10) met.clear();
        met.set(text, times);
        return undefined;
      }
      met.delete(text);
      const name = `reeve_${made++}`;
      names.set(text, name);
      return name;
    },
    /** From now on it is prepared anew, under another name. */
    renew: (text: string) => void names.set(text, `reeve_${made++}`),
  };
}
