import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';

/** What this process has sent to its databases. */
export interface Statements {
  /** Commits of transactions that wrote something. */
  readonly commits: number;
  /** Commits of transactions that only read. */
  readonly readCommits: number;
  /** Everything, `begin` and `commit` included. */
  readonly statements: number;
}

type Query = (this: object, text: unknown, ...rest: unknown[]) => Promise<unknown>;

const counted = { commits: 0, readCommits: 0, statements: 0 };
/** Connections whose open transaction wrote something. */
const writing = new WeakSet<object>();

for (const prototype of [PGlite.prototype, pg.Client.prototype] as unknown as { query: Query }[]) {
  const { query } = prototype;
  prototype.query = function (text, ...rest) {
    if (typeof text === 'string') count(this, text);
    return query.call(this, text, ...rest);
  };
}

/** The difference of two calls is what was sent between them. Counting begins when this file is imported. */
export function countStatements(): Statements {
  return { ...counted };
}

function count(connection: object, text: string): void {
  counted.statements += 1;
  if (/^\s*(insert|update|delete|with)\b/i.test(text)) writing.add(connection);
  if (/^rollback$/i.test(text)) writing.delete(connection);
  if (/^commit$/i.test(text)) counted[writing.delete(connection) ? 'commits' : 'readCommits'] += 1;
}
