import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type pg from 'pg';

/** Statements that one connection keeps prepared; the queue has a few dozen. */
const LIMIT = 200;
/** Times that a statement is met before it is prepared: those whose text grows with their values seldom come again. */
const REPEATED = 3;

/**
 * The same pool, whose connections prepare each parameterized statement that repeats and only name it from then on.
 */
export function preparing(pool: pg.Pool): PostgresPool {
  const names = new Map<string, string>();
  const met = new Map<string, number>();
  const clients = new WeakMap<pg.PoolClient, PostgresPoolClient>();

  function nameOf(text: string): string | undefined {
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
  }

  function wrap(client: pg.PoolClient): PostgresPoolClient {
    const query = (text: string, values: readonly unknown[]) => {
      const name = values.length === 0 ? undefined : nameOf(text);
      return client.query({ text, values: [...values], ...(name !== undefined && { name }) });
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
