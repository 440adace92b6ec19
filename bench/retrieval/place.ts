import { openDatabase, type Database } from '@reeve/db';
import { silentLog } from '@reeve/kit';
import { ensureTenant } from '@reeve/identity';
import { createPlace, type Kind } from '../place.ts';

/** An empty database of that kind, opened; disposing closes and removes it. */
export async function openPlace(kind: Kind): Promise<Database> {
  const place = await createPlace(kind);
  const database = await openDatabase({ ...place, pool: 7, log: silentLog });
  await ensureTenant(database.db, 'default');
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}
