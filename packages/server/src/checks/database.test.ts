// runs on: both databases
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTestDatabase } from '@reeve/testing/database';
import { noPgBouncer, startPgBouncer } from '@reeve/testing/own-pgbouncer';
import { readConfig } from '../config.ts';
import { checkDatabase } from './parts.ts';

describe('the check of a database behind a pooler in transaction mode', { skip: noPgBouncer }, () => {
  it('names the pooler, its mode and the remedy, and is content with a direct address', async () => {
    await using place = await createTestDatabase();
    await using bouncer = await startPgBouncer(place.url!);
    const check = (more: Readonly<Record<string, string>>) =>
      checkDatabase(
        readConfig({ REEVE_DATA_DIR: place.dataDirectory, DATABASE_URL: bouncer.url, ...more }).config,
        undefined,
      );
    const polling = await check({});
    assert.equal(polling.state, 'warn');
    assert.match(polling.evidence, /behind a pooler \(PgBouncer or the like\) in transaction mode.*it polls/);
    assert.match(polling.remedy!, /^set DATABASE_DIRECT_URL/);
    const listening = await check({ DATABASE_DIRECT_URL: place.url! });
    assert.equal(listening.state, 'ok', listening.evidence);
    assert.match(listening.evidence, /listening by DATABASE_DIRECT_URL; the schema is up to date/);
    const wrong = await check({ DATABASE_DIRECT_URL: bouncer.url });
    assert.equal(wrong.state, 'fail');
    assert.match(wrong.evidence, /^DATABASE_DIRECT_URL: a pooler in transaction mode answers there/);
  });
});
