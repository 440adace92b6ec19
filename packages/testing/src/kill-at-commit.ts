import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';

/*
 * Loaded into a server before it starts (`node --import`): kills the process with SIGKILL at a commit of its choice, so
 * that tests can do so at each. Commits count from the first task that is inserted. REEVE_KILL_AT=7 REEVE_KILL_WHEN=after
 * lets the seventh commit reach the database and the process see no more of it; `before` stops short of it. Without
 * REEVE_KILL_AT every commit is written to the log as `commit point`, to count them.
 */
const at = Number(process.env['REEVE_KILL_AT'] ?? 'NaN');
const before = process.env['REEVE_KILL_WHEN'] === 'before';
let armed = false;
let commits = 0;

type Query = (this: object, text: unknown, ...rest: unknown[]) => Promise<unknown>;

/** Connections whose open transaction wrote something of a run: commits of the queue's housekeeping do not count. */
const writing = new WeakSet<object>();

async function watched(connection: object, text: string, run: () => Promise<unknown>): Promise<unknown> {
  if (text.includes('insert into tasks (')) armed = true;
  if (
    /insert into (?:tasks|memories) \(|update tasks |with lease as materialized|(?:^|; )(?:insert into|update) "(?:tasks|runs|steps|events|messages)"/.test(
      text,
    )
  )
    writing.add(connection);
  if (!/^(commit|rollback)$/i.test(text.trim()) || !writing.delete(connection) || !armed) return run();
  commits += 1;
  if (Number.isNaN(at)) process.stderr.write(`{"message":"commit point ${commits}"}\n`);
  if (before && commits === at) process.kill(process.pid, 'SIGKILL');
  const result = await run();
  if (!before && commits === at) process.kill(process.pid, 'SIGKILL');
  return result;
}

const { query } = pg.Client.prototype as unknown as { query: Query };
(pg.Client.prototype as unknown as { query: Query }).query = function (statement, ...rest) {
  const run = () => query.call(this, statement, ...rest);
  // Of a packet, all its statements.
  const text = typeof statement === 'string' ? statement : (statement as { text?: string }).text;
  return text === undefined ? run() : watched(this, text, run);
};

/** The texts of the embedded database's prepared statements: what is executed names only its statement. */
const texts = new Map<string, string>();

const { execProtocol } = PGlite.prototype;
PGlite.prototype.execProtocol = function (message, options) {
  const run = () => execProtocol.call(this, message, options);
  const [first = '', second = ''] = Buffer.from(message.subarray(5)).toString().split('\0', 2);
  const kind = String.fromCharCode(message[0]!);
  if (kind === 'P') texts.set(first, second);
  const text = kind === 'B' ? texts.get(second) : undefined;
  return text === undefined ? run() : (watched(this, text, run) as ReturnType<typeof run>);
};
