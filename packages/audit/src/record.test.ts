// runs on: both databases
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { inTenant, type Database } from '@reeve/db';
import { openTestDatabase } from '@reeve/testing';
import { recordAudit, type AuditEntry } from './record.ts';

const entry: AuditEntry = {
  tenantId: 'default',
  actor: 'ada',
  action: 'TASK_CREATED',
  traceId: 'trace-1',
  details: { title: `'; drop table audit --`, list: [1] },
};

describe('the audit log', () => {
  let database: Database;
  const rows = () => database.db.selectFrom('audit').selectAll().orderBy('id').execute();
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  it('has a row for each entry, in their order, with time and trace', async () => {
    await inTenant(database.db, 'default', (tx) =>
      recordAudit(tx, [entry, { ...entry, action: 'PLAN_START', runId: '0190a6a0-0000-7000-8000-000000000000' }]),
    );
    const [first, second] = await rows();
    assert.deepEqual(
      [first?.action, first?.actor, first?.trace_id, first?.details, first?.run_id],
      ['TASK_CREATED', 'ada', 'trace-1', entry.details, null],
    );
    assert.deepEqual([second?.action, second?.run_id], ['PLAN_START', '0190a6a0-0000-7000-8000-000000000000']);
    assert.ok(Math.abs(first!.at.getTime() - Date.now()) < 60_000);
  });

  it('loses the entry with the change it told of, and takes none for another tenant', async () => {
    const before = await rows();
    await assert.rejects(
      inTenant(database.db, 'default', async (tx) => {
        await recordAudit(tx, [entry]);
        throw new Error('the change failed');
      }),
      /the change failed/,
    );
    await assert.rejects(
      inTenant(database.db, 'other', (tx) => recordAudit(tx, [entry])),
      { code: '42501' },
    );
    await inTenant(database.db, 'default', (tx) => recordAudit(tx, []));
    assert.deepEqual(await rows(), before);
  });
});
