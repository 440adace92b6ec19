// runs on: both databases, and behind PgBouncer
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { newId } from '@reeve/kit';
import { openTestDatabase } from '@reeve/testing';
import { sql, type Insertable } from 'kysely';
import type { Database } from './database.ts';
import { json, now } from './sql.ts';
import type { Tables } from './tables.ts';
import { inTenant } from './tenant.ts';

/** The view has no rows of its own. */
/** Tables of the processes: they hold nothing of tenants. */
const SHARED = ['model_slots'] as const;

type TableName = Exclude<keyof Tables, 'memory_events' | (typeof SHARED)[number]>;
type Rows = { [T in TableName]: Insertable<Tables[T]> };
const NOT_ALLOWED = { code: '42501' };

/** One row for every table, in an order that foreign keys allow. */
function rowsFor(tenant_id: string): Rows {
  const [task_id, agent_id, session_id, run_id, key_id] = [newId(), newId(), newId(), newId(), newId()];
  const [persona_id, document_id] = [newId(), newId()];
  const time = new Date();
  const number = randomInt(2 ** 31);
  const empty = json({}) as unknown as string;
  return {
    tenants: { tenant_id, name: tenant_id },
    settings: { tenant_id, name: newId(), value: empty, updated_by: '' },
    idempotency_keys: { tenant_id, key: newId(), fingerprint: '' },
    agents: { id: agent_id, tenant_id, slug: agent_id, name: '', version: 1, created_at: time, updated_at: time },
    agent_versions: { agent_id, version: 1, tenant_id, config: empty, created_at: time },
    tasks: {
      id: task_id,
      tenant_id,
      agent_id,
      task_type: 'chat',
      status: 'pending',
      priority: 0,
      title: '',
      payload: empty,
      max_attempts: 1,
      trace_id: '',
      created_at: time,
      updated_at: time,
    },
    ready_tasks: { tenant_id, agent_id: '', rank: 0, task_id },
    task_completion_outbox: { task_id, tenant_id },
    waiting_tasks: { task_id, tenant_id, due_at: time, reason: 'retry' },
    task_dependencies: { depends_on: newId(), task_id, tenant_id },
    leases: { task_id, tenant_id, epoch: 1, owner: '', attempt: 1, started_at: time, expires_at: time },
    workflows: { id: newId(), tenant_id, title: '', on_failure: 'run_anyway', trace_id: '' },
    concurrency_slots: { tenant_id, key: '', task_id, holds: true, rank: 0 },
    concurrency_limits: { tenant_id, agent_id: newId(), max_running: 1 },
    approvals: {
      id: newId(),
      tenant_id,
      kind: 'task',
      task_id,
      agent_id: '',
      title: '',
      input: empty,
      default_decision: 'reject',
    },
    task_policies: { tenant_id, task_type: newId(), auto_execute: true, updated_by: '' },
    schedules: {
      id: newId(),
      tenant_id,
      agent_id: '',
      task_type: '',
      title: '',
      cron: '* * * * *',
      anchor: time,
      timezone: 'UTC',
      enabled: true,
      config: empty,
      catch_up: 'skip',
    },
    journal: { tenant_id, type: 'task_completed', summary: 'secret' },
    task_counts: { tenant_id, agent_id: '', task_type: newId(), status: 'pending', minute: time, change: 0 },
    sessions: { id: session_id, tenant_id, title: '', created_at: time, updated_at: time },
    messages: { session_id, position: 1, tenant_id, role: 'user', content: '', created_at: time },
    personas: { id: persona_id, tenant_id, slug: newId(), name: '', description: '', created_by: '' },
    documents: {
      id: document_id,
      tenant_id,
      persona_id,
      knowledge_base: 'Domain-KB',
      tags: [],
      media_type: '',
      size: 1,
      sha256: '',
      version_id: newId(),
      chunk_count: 1,
      created_by: '',
    },
    chunks: { id: newId(), tenant_id, text: 'secret', headings: [] },
    chunk_places: { version_id: newId(), position: 1, tenant_id, chunk_id: newId() },
    unreferenced_versions: { id: newId(), tenant_id, space_id: number, title: 'secret', held_until: time },
    removed_spaces: { space_id: number, tenant_id },
    playbooks: { id: newId(), tenant_id, goal: 'secret', steps: empty, shape: '', successes: 1 },
    memories: { id: newId(), tenant_id, text: 'secret', digest: newId(), created_at: time },
    // After the memories, which it would note.
    external_stores: { tenant_id, target: '' },
    external_memories: { memory_id: newId(), tenant_id },
    lexical_spaces: { tenant_id, owner_id: newId(), kind: 'memory', analyzer_version: 1 },
    lexical_entries: { space_id: number, entry: 1, tenant_id, ref: newId(), length: 1, terms: new Uint8Array(1) },
    lexical_terms: { space_id: number, term: 'secret', tenant_id, number: 1, count: 1, tail: new Uint8Array(1) },
    lexical_blocks: { space_id: number, number: 1, first: 1, tenant_id, data: new Uint8Array(1) },
    embedding_spaces: { tenant_id, model: 'openai/small', revision: 1, state: 'building' },
    embedding_progress: { embedding_id: number, space_id: number, tenant_id },
    embeddings: {
      space_id: number,
      ref: newId(),
      embedding_id: number,
      tenant_id,
      hash: 'secret',
      changed: 1,
      vector: new Uint8Array(4),
    },
    runs: {
      id: run_id,
      tenant_id,
      task_id,
      agent_id,
      agent_version: 1,
      session_id,
      door: 'chat',
      status: 'queued',
      input: '',
      context: empty,
      trace_id: '',
      created_at: time,
    },
    memory_extractions: {
      run_id,
      tenant_id,
      session_id,
      agent: '',
      user_id: '',
      trace_id: '',
      said: 'secret',
      answered: '',
    },
    steps: { run_id, number: 1, tenant_id, kind: 'model', name: '', input: empty, status: 'pending', started_at: time },
    caller_tools: { run_id, tenant_id, tools: empty },
    caller_calls: { run_id, step: 1, tenant_id, expires_at: time },
    model_calls: {
      id: newId(),
      tenant_id,
      user_id: '',
      trace_id: '',
      provider: '',
      model: '',
      attempt: 1,
      reserved_input: 0,
      reserved_output: 0,
      reserved_nano: 0,
      expires_at: time,
    },
    responses: { id: newId(), tenant_id, input: empty, output: empty, answer: empty },
    budgets: { tenant_id, scope: 'run', ref: newId(), updated_by: '' },
    api_keys: { id: key_id, tenant_id, name: '', role: 'viewer', public_id: newId(), last_four: '', created_by: '' },
    api_key_secrets: { digest: newId(), key_id, tenant_id },
    mcp_servers: {
      id: newId(),
      tenant_id,
      name: newId(),
      transport: 'http',
      url: '',
      headers: empty,
      args: empty,
      env: empty,
      enabled: true,
      timeout_ms: 1,
      tools: empty,
      created_by: '',
    },
    tenant_policies: { tenant_id, overrides: empty, updated_by: '' },
    rate_windows: { tenant_id, key: newId(), count: 1, began_at: time, ends_at: time },
    events: { run_id, seq: 1, tenant_id, type: 'text', data: empty, created_at: time },
    audit: { id: newId(), tenant_id, at: now, actor: '', action: 'PLAN_START', trace_id: '', details: empty } as never,
    audit_links: { tenant_id, number: 1, xid: '7', position: 1, audit_id: newId(), hash: sql`sha256('x')` } as never,
  };
}

describe('a tenant', () => {
  let database: Database;
  const mine = rowsFor('default');
  const theirs = rowsFor('other');
  const tables = Object.keys(mine) as TableName[];
  const asDefault = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(database.db, 'default', work);

  /** The triggers of tasks count by themselves. */
  const counted = (table: TableName) => table === 'task_counts';

  before(async () => {
    database = await openTestDatabase();
    for (const rows of [mine, theirs]) {
      for (const table of tables)
        if (table !== 'tenants')
          await database.db
            .insertInto(table)
            .values(rows[table] as never)
            .execute();
    }
  });
  after(() => database[Symbol.asyncDispose]());

  it('is named in every table, and each has row level security with a policy', async () => {
    const { rows } = await sql<{ name: string; secured: boolean; policies: number; named: boolean }>`
      select c.relname as name, c.relrowsecurity as secured, (select count(*) from pg_policy where polrelid = c.oid) as policies,
        exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant_id' and attnotnull) as named
      from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'm') and c.relname not in ('reeve_migrations', ${sql.join(SHARED)})`.execute(
      database.db,
    );
    // No row of it is one of these: its column's type is there only where pgvector is.
    const named = database.vectors.available ? [...tables, 'embedding_vectors'] : tables;
    assert.deepEqual(rows.map(({ name }) => name).sort(), [...named].sort(), 'rowsFor has a row for every table');
    for (const row of rows) {
      assert.deepEqual([row.secured, row.named], [true, true], row.name);
      assert.equal(row.policies, row.name === 'task_policies' ? 2 : 1, row.name);
    }
  });

  for (const table of SHARED)
    it(`reads and writes nothing in ${table}, which is of the processes`, async () => {
      const name = sql.table(table);
      for (const statement of [sql`select from ${name}`, sql`delete from ${name}`])
        await assert.rejects(
          asDefault((tx) => statement.execute(tx)),
          /permission denied/,
        );
    });

  for (const table of tables) {
    it(`reads, changes, deletes and adds nothing of another in ${table}`, async () => {
      const all = await asDefault((tx) => tx.selectFrom(table).select('tenant_id').execute());
      assert.ok(all.length > 0 && all.every(({ tenant_id }) => tenant_id === 'default'), JSON.stringify(all));
      const name = sql.table(table);
      const changeable = !['audit', 'audit_links', 'tenants', 'journal', 'task_counts'].includes(table);
      for (const statement of [
        sql`update ${name} set tenant_id = tenant_id where tenant_id = 'other'`,
        sql`delete from ${name} where tenant_id = 'other'`,
      ]) {
        if (changeable) assert.equal((await asDefault((tx) => statement.execute(tx))).numAffectedRows, 0n);
        else
          await assert.rejects(
            asDefault((tx) => statement.execute(tx)),
            NOT_ALLOWED,
          );
      }
      await assert.rejects(
        asDefault((tx) => sql`update ${name} set tenant_id = 'other'`.execute(tx)),
        NOT_ALLOWED,
      );
      const another = rowsFor('other')[table];
      await assert.rejects(
        asDefault((tx) =>
          tx
            .insertInto(table)
            .values(another as never)
            .execute(),
        ),
        NOT_ALLOWED,
      );
      assert.equal(
        (await database.db.selectFrom(table).select('tenant_id').where('tenant_id', '=', 'other').execute()).length,
        counted(table) ? 2 : 1,
      );
    });
  }

  it('reads through a view what it may read in its table, and nothing of another', async () => {
    const { rows } = await sql<{ name: string; safe: boolean }>`
      select relname as name, coalesce('security_invoker=true' = any(reloptions), false) as safe
      from pg_class where relnamespace = 'public'::regnamespace and relkind = 'v'`.execute(database.db);
    assert.deepEqual(rows, [{ name: 'memory_events', safe: true }]);
    const seen = await asDefault((tx) => tx.selectFrom('memory_events').select('tenant_id').execute());
    assert.deepEqual(seen, [{ tenant_id: 'default' }]);
    await assert.rejects(
      asDefault((tx) => sql`delete from memory_events`.execute(tx)),
      NOT_ALLOWED,
    );
  });

  it('sees the policies for all tenants, and neither makes, changes nor deletes one', async () => {
    const everybody = { tenant_id: '*', task_type: 'deploy', auto_execute: false, updated_by: 'root' };
    await database.db.insertInto('task_policies').values(everybody).execute();
    const seen = await asDefault((tx) => tx.selectFrom('task_policies').select('tenant_id').execute());
    assert.deepEqual(seen.map(({ tenant_id }) => tenant_id).sort(), ['*', 'default']);
    const added = { ...everybody, task_type: 'restart' };
    await assert.rejects(
      asDefault((tx) => tx.insertInto('task_policies').values(added).execute()),
      NOT_ALLOWED,
    );
    for (const statement of [
      sql`update task_policies set auto_execute = true where tenant_id = '*'`,
      sql`delete from task_policies where tenant_id = '*'`,
    ])
      await asDefault((tx) => statement.execute(tx)).catch((error: unknown) => assert.ok(error));
    const left = database.db.selectFrom('task_policies').selectAll().where('tenant_id', '=', '*');
    assert.equal((await left.executeTakeFirstOrThrow()).auto_execute, false);
    await database.db.deleteFrom('task_policies').where('tenant_id', '=', '*').execute();
  });

  it('adds to its audit log and its journal, and never changes or deletes what is there', async () => {
    await asDefault((tx) => tx.insertInto('audit').values(rowsFor('default').audit).execute());
    await asDefault((tx) => tx.insertInto('journal').values(rowsFor('default').journal).execute());
    for (const statement of [
      sql`update audit set actor = 'nobody'`,
      sql`delete from audit`,
      sql`truncate audit`,
      sql`insert into audit (id, tenant_id, at, actor, action, trace_id, xid) values (gen_random_uuid(), 'default', now(), '', '', '', '3')`,
      sql`insert into audit_links values ('default', 2, '9', 1, gen_random_uuid(), sha256('x'))`,
      sql`update audit_links set number = 3`,
      sql`delete from audit_links`,
      sql`update journal set actor = 'nobody'`,
      sql`delete from journal`,
      sql`truncate journal`,
    ]) {
      await assert.rejects(
        asDefault((tx) => statement.execute(tx)),
        NOT_ALLOWED,
      );
    }
  });

  it('sees nothing where the setting names none, and not the list of migrations', async () => {
    for (const table of tables) {
      const rows = await database.db.transaction().execute(async (tx) => {
        await sql`set local role reeve_tenant`.execute(tx);
        return tx.selectFrom(table).select('tenant_id').execute();
      });
      assert.deepEqual(rows, [], table);
    }
    await assert.rejects(
      asDefault((tx) => sql`select * from reeve_migrations`.execute(tx)),
      NOT_ALLOWED,
    );
  });

  it('is named for its transaction only, whatever its name', async () => {
    await inTenant(database.db, `x', 'y'; reset role --`, async (tx) => {
      assert.deepEqual(await tx.selectFrom('tasks').select('id').execute(), []);
    });
    const { rows } = await sql<{
      role: string;
      tenant: string | null;
    }>`select current_user as role, nullif(current_setting('reeve.tenant', true), '') as tenant`.execute(database.db);
    assert.notEqual(rows[0]?.role, 'reeve_tenant');
    assert.equal(rows[0]?.tenant, null);
    await assert.rejects(
      asDefault(async () => Promise.reject(new Error('thrown'))),
      /thrown/,
    );
    assert.equal((await database.db.selectFrom('tasks').select('id').execute()).length, 2);
  });
});
