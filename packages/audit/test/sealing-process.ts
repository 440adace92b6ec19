import { inTenant, openDatabase } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { recordAudit } from '../src/record.ts';
import { sealChain } from '../src/seal.ts';

/*
 * For tests: writes and seals audit rows of the tenant `default` until it is killed. Its arguments are the directory of the
 * data, and the URL of PostgreSQL where that is the database. It says `+` after each round.
 */
const [dataDirectory = '', url] = process.argv.slice(2);
const database = await openDatabase({ url, pool: 7, dataDirectory, log: silentLog });
const entry = { tenantId: 'default', actor: `${process.pid}`, action: 'TOOL_CALL', traceId: 't' } as const;

async function write(): Promise<never> {
  for (let round = 0; ; round += 1) {
    const entries = Array.from({ length: 1 + (round % 40) }, (_, step) => ({ ...entry, details: { round, step } }));
    await inTenant(database.db, 'default', (tx) => recordAudit(tx, entries));
  }
}

async function seal(): Promise<never> {
  for (;;) {
    await sealChain(database, 'default', { wait: Math.random() < 0.5 });
    process.stdout.write('+');
  }
}

await Promise.race([write(), write(), seal()]);
