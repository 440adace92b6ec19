import type { Database } from '@reeve/db';
import { sleep } from '@reeve/kit';
import { sealChain } from './seal.ts';

/** For tests: seals all that is written, once no transaction of the database server, other tests' too, is older. */
export async function sealAll(database: Database, tenantId = 'default'): Promise<void> {
  while ((await sealChain(database, tenantId, { wait: true })) !== 'done') await sleep(20);
}
