import { once } from 'node:events';
import { openDatabase } from '@reeve/db';
import { ReeveError, silentLog } from '@reeve/kit';
import { sql } from 'kysely';
import { beginCall, HOLD_MS } from '../src/call.ts';
import { createLedger } from '../src/ledger.ts';
import { ATTEMPT, OWNER } from './metering.ts';

/*
 * For tests: reserves tokens for so many calls at once, 1 to 13 for each, and settles none. Its arguments are the URL of
 * PostgreSQL and the number of calls. It says `ready`, begins with the first line that it is told, and answers what came of
 * them in JSON. Some calls go by themselves, one statement each; all others are in one turn of the event loop given to the
 * ledger, as the program does.
 */
const [url, count = ''] = process.argv.slice(2);
/** Calls that go by themselves, and how many of them at a time: as many as the pool has connections. */
const ALONE = 400;
const LANES = 8;

await using database = await openDatabase({ url, pool: LANES + 5, dataDirectory: '', log: silentLog });
const ledger = createLedger(database, OWNER, silentLog);
// A busy machine may take longer to connect than a caller waits for a connection.
await Promise.all(Array.from({ length: LANES + 5 }, () => sql`select pg_sleep(0.2)`.execute(database.db)));
const found = { calls: 0, admitted: 0, tokens: 0, smallestRefused: Infinity };

process.stdout.write('ready\n');
await once(process.stdin, 'data');
const sizes = Array.from({ length: Number(count) }, (_, index) => 1 + ((index * 5) % 13));
const alone = sizes.splice(0, ALONE).values();
await Promise.all([
  ...sizes.map((tokens) => reserve(tokens, (attempt) => ledger.begin(attempt))),
  ...Array.from({ length: LANES }, async () => {
    for (const tokens of alone) await reserve(tokens, (attempt) => beginCall(database.db, OWNER, attempt, HOLD_MS));
  }),
]);
process.stdout.write(`${JSON.stringify(found)}\n`);
process.stdin.destroy();

/** Whatever does not admit a call but a budget ends the process. */
async function reserve(tokens: number, begin: (attempt: typeof ATTEMPT) => Promise<unknown>): Promise<void> {
  found.calls += 1;
  try {
    await begin({ ...ATTEMPT, inputTokens: 0, maxOutputTokens: tokens });
    found.admitted += 1;
    found.tokens += tokens;
  } catch (error) {
    if (!(error instanceof ReeveError) || error.reason !== 'budget_exhausted') throw error;
    found.smallestRefused = Math.min(found.smallestRefused, tokens);
  }
}
