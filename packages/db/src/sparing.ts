import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type pg from 'pg';

/** Statements that one connection keeps prepared. */
const LIMIT = 200;
/** Times that a statement is met before it is prepared: those whose text grows with their values seldom come again. */
const REPEATED = 3;
/** A prepared `*` breaks when a migration, perhaps of a newer process, adds a column. */
const STAR = /(^|[\s.])\*(?=\s|,|$)/;

/**
 * The same pool, sparing its connections work and waiting: each parameterized statement that repeats is prepared and only named from
 * then on, and `begin` goes along with the first statement of its transaction.
 */
export function sparing(pool: pg.Pool): PostgresPool {
  const nameOf = createNames();
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();

  function wrap(client: pg.PoolClient): PostgresPoolClient {
    let begins = false;
    const send = (text: string, values: readonly unknown[]) => {
      const name = values.length === 0 ? undefined : nameOf(text);
      return client.query({ text, values: [...values], ...(name !== undefined && { name }) });
    };
    const query = async (text: string, values: readonly unknown[] = []): Promise<Answer> => {
      if (text === 'begin') {
        begins = true;
        return NOTHING;
      }
      if (!begins) return send(text, values);
      begins = false;
      if (text === 'commit' || text === 'rollback') return NOTHING;
      if (values.length > 0) {
        await client.query('begin');
        return send(text, values);
      }
      const answers = (await client.query(`begin; ${text}`)) as unknown as Answer[];
      return answers.at(-1)!;
    };
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

type Answer = Pick<pg.QueryResult, 'command' | 'rowCount' | 'rows'>;

/** What a transaction in which nothing happens answers. */
const NOTHING: Answer = { command: 'BEGIN', rowCount: null, rows: [] };

/** Names for the statements that repeat. */
function createNames(): (text: string) => string | undefined {
  const names = new Map<string, string>();
  const met = new Map<string, number>();
  return (text) => {
    const known = names.get(text);
    if (known !== undefined || names.size >= LIMIT) return known;
    const times = (met.get(text) ?? 0) + 1;
    if (times < REPEATED || STAR.test(text)) {
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
