import type pg from 'pg';

/** A connection pooler between this process and PostgreSQL. */
export interface Pooler {
  /** The product, as far as its host name tells. */
  readonly name: string;
  /** `transaction`: each transaction may go by another connection to the server, so nothing outlasts it. */
  readonly mode: 'session' | 'transaction';
  /** Whether notifications arrive: by DATABASE_DIRECT_URL, or because the mode lets them. Else this process polls. */
  readonly listens: boolean;
}

/**
 * Whose turn it is, 24 times. In no even order: a pooler that goes round its connections would else meet the same ones again. So often,
 * since while others use the pooler too a connection can get the same server process several times by chance.
 */
const ORDER = Array.from('110100110010110100101100', (turn) => turn === '1');

/**
 * Finds whether a pooler answers in place of PostgreSQL, and in which mode; undefined where none does. A pooler makes up the process
 * id that the driver is told at the connect. In transaction mode two connections that are both idle are served by the same server
 * process, or one of them by several in turn.
 */
export async function findPoolerMode(
  client: pg.ClientBase,
  connectAnother: () => Promise<pg.Client>,
): Promise<Pooler['mode'] | undefined> {
  // The driver's types leave it out.
  const { processID } = client as pg.ClientBase & { readonly processID: number | null };
  if ((await serverProcessOf(client)) === processID) return undefined;
  const another = await connectAnother();
  try {
    const [own, others] = [new Set<number>(), new Set<number>()];
    for (const isOwn of ORDER) {
      if (isOwn) own.add(await serverProcessOf(client));
      else others.add(await serverProcessOf(another));
      if (own.size > 1 || others.size > 1 || !own.isDisjointFrom(others)) return 'transaction';
    }
    return 'session';
  } finally {
    await another.end();
  }
}

async function serverProcessOf(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]!.pid;
}

const PRODUCTS: readonly [host: RegExp, name: string][] = [
  [/\.pooler\.supabase\.com$/, 'Supabase’s pooler'],
  [/-pooler\..*neon\.tech$/, 'Neon’s pooler'],
  [/\.proxy-.*\.rds\.amazonaws\.com$/, 'RDS Proxy'],
];

/** The name of the pooler at that address. */
export function poolerName(url: string): string {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  return PRODUCTS.find(([pattern]) => pattern.test(host))?.[1] ?? 'a pooler (PgBouncer or the like)';
}

/** Says how the database is reached, and what would make it better; null: nothing. */
export function describePooler({ name, mode, listens }: Pooler): { found: string; remedy: string | null } {
  const found = `behind ${name} in ${mode} mode`;
  return listens
    ? { found: mode === 'session' ? found : `${found}, listening by DATABASE_DIRECT_URL`, remedy: null }
    : {
        found: `${found}, without DATABASE_DIRECT_URL: it polls, so what other processes do is seen up to a second later`,
        remedy: 'set DATABASE_DIRECT_URL to an address of PostgreSQL itself, or of a pooler in session mode',
      };
}
