import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openTestDatabase } from '@reeve/testing';
import { sql } from 'kysely';
import type { Database } from './database.ts';
import type { Tables } from './tables.ts';

const NO = 'NO';
const YES = 'YES';

/**
 * Every column and whether it is nullable. The compiler holds this list against `Tables` and the test below holds it
 * against the catalogue, so that neither can have what the other lacks.
 */
const COLUMNS = {
  agent_versions: { agent_id: NO, version: NO, tenant_id: NO, config: NO, created_at: NO, created_by: YES },
  agents: {
    id: NO,
    tenant_id: NO,
    slug: NO,
    name: NO,
    version: NO,
    built_in: NO,
    created_at: NO,
    updated_at: NO,
    deleted_at: YES,
  },
  approvals: {
    id: NO,
    tenant_id: NO,
    kind: NO,
    task_id: NO,
    run_id: YES,
    agent_id: NO,
    title: NO,
    input: NO,
    status: NO,
    requested_by: YES,
    requested_at: NO,
    expires_at: YES,
    default_decision: NO,
    decided_by: YES,
    decided_at: YES,
    reason: YES,
  },
  audit: { id: NO, tenant_id: NO, at: NO, actor: NO, action: NO, trace_id: NO, task_id: YES, run_id: YES, details: NO },
  concurrency_limits: { tenant_id: NO, agent_id: NO, max_running: NO },
  concurrency_slots: { tenant_id: NO, key: NO, task_id: NO, holds: NO, rank: NO },
  ended_tasks: { task_id: NO, tenant_id: NO },
  events: { run_id: NO, seq: NO, tenant_id: NO, type: NO, data: NO, created_at: NO },
  idempotency_keys: { tenant_id: NO, key: NO, fingerprint: NO, status: YES, body: YES, created_at: NO },
  journal: {
    tenant_id: NO,
    xid: NO,
    position: NO,
    id: NO,
    type: NO,
    agent_id: YES,
    task_id: YES,
    schedule_id: YES,
    session_id: YES,
    trace_id: YES,
    actor: NO,
    summary: NO,
    details: NO,
    created_at: NO,
  },
  leases: {
    task_id: NO,
    tenant_id: NO,
    agent_id: NO,
    epoch: NO,
    owner: NO,
    attempt: NO,
    started_at: NO,
    expires_at: NO,
  },
  memories: {
    id: NO,
    tenant_id: NO,
    persona_id: YES,
    text: NO,
    digest: NO,
    tags: NO,
    session_id: YES,
    run_id: YES,
    created_at: NO,
    expires_at: YES,
    search: NO,
  },
  memory_events: {
    tenant_id: NO,
    xid: NO,
    position: NO,
    id: NO,
    type: NO,
    agent_id: YES,
    task_id: YES,
    session_id: YES,
    trace_id: YES,
    content: NO,
    created_at: NO,
  },
  messages: { session_id: NO, position: NO, tenant_id: NO, role: NO, content: NO, run_id: YES, created_at: NO },
  ready_tasks: { tenant_id: NO, lane: NO, rank: NO, task_id: NO },
  runs: {
    id: NO,
    tenant_id: NO,
    task_id: NO,
    agent_id: NO,
    agent_version: NO,
    session_id: NO,
    door: NO,
    status: NO,
    input: NO,
    context: NO,
    history_until: NO,
    result: YES,
    error_code: YES,
    error_message: YES,
    input_tokens: NO,
    output_tokens: NO,
    cost_usd: YES,
    trace_id: NO,
    request_id: YES,
    created_at: NO,
    started_at: YES,
    ended_at: YES,
  },
  schedules: {
    id: NO,
    tenant_id: NO,
    schedule_type: YES,
    agent_id: NO,
    task_type: NO,
    title: NO,
    frequency: YES,
    cron: YES,
    anchor: NO,
    timezone: NO,
    enabled: NO,
    config: NO,
    catch_up: NO,
    next_run_at: YES,
    last_run_at: YES,
    last_task_id: YES,
    missed_count: NO,
    last_error: YES,
    created_by_user_id: YES,
    created_at: NO,
    updated_at: NO,
  },
  sessions: { id: NO, tenant_id: NO, title: NO, agent_id: YES, message_count: NO, created_at: NO, updated_at: NO },
  steps: {
    run_id: NO,
    number: NO,
    tenant_id: NO,
    kind: NO,
    name: NO,
    tool_call_id: YES,
    input: NO,
    output: YES,
    status: NO,
    outcome: YES,
    attempt: NO,
    input_tokens: YES,
    output_tokens: YES,
    cost_usd: YES,
    started_at: NO,
    ended_at: YES,
  },
  task_counts: { tenant_id: NO, agent_id: NO, task_type: NO, status: NO, minute: NO, change: NO },
  task_dependencies: { depends_on: NO, task_id: NO, tenant_id: NO },
  task_policies: {
    tenant_id: NO,
    task_type: NO,
    auto_execute: NO,
    expires_after_s: YES,
    default_decision: NO,
    updated_by: NO,
    updated_at: NO,
  },
  tasks: {
    id: NO,
    tenant_id: NO,
    agent_id: NO,
    task_type: NO,
    status: NO,
    priority: NO,
    title: NO,
    description: YES,
    payload: NO,
    result: YES,
    result_summary: YES,
    error_message: YES,
    error_code: YES,
    attempts: NO,
    max_attempts: NO,
    run_at: YES,
    depends_on: NO,
    parent_task_id: YES,
    session_id: YES,
    trace_id: NO,
    created_by_user_id: YES,
    cancel_requested: NO,
    workflow_id: YES,
    workflow_key: YES,
    run_anyway: NO,
    requires_approval: NO,
    concurrency_key: YES,
    concurrency_limit: NO,
    concurrency_strategy: NO,
    has_followers: NO,
    lost_attempts: NO,
    created_at: NO,
    started_at: YES,
    completed_at: YES,
    updated_at: NO,
  },
  tenants: { tenant_id: NO, name: NO, created_at: NO },
  timers: { task_id: NO, tenant_id: NO, due_at: NO, reason: NO },
  workflows: {
    id: NO,
    tenant_id: NO,
    title: NO,
    on_failure: NO,
    trace_id: NO,
    created_by_user_id: YES,
    created_at: NO,
  },
} satisfies { [T in keyof Tables]: { [C in keyof Tables[T]]: null extends Tables[T][C] ? 'YES' : 'NO' } };

describe('the table types', () => {
  let database: Database;
  before(async () => void (database = await openTestDatabase()));
  after(() => database[Symbol.asyncDispose]());

  it("have the catalogue's columns, nullable where it has them nullable", async () => {
    // A view's columns are nullable to the catalogue: the view over the journal has the journal's answer.
    const { rows } = await sql<{ table_name: string; column_name: string; is_nullable: string }>`
      select c.table_name, c.column_name, coalesce(j.is_nullable, c.is_nullable) as is_nullable
      from information_schema.columns c
      left join information_schema.columns j on c.table_name = 'memory_events' and j.table_schema = 'public' and j.table_name = 'journal'
        and j.column_name = case c.column_name when 'content' then 'summary' else c.column_name end
      where c.table_schema = 'public' and c.table_name <> 'reeve_migrations'`.execute(database.db);
    const found: Record<string, Record<string, string>> = {};
    for (const row of rows) (found[row.table_name] ??= {})[row.column_name] = row.is_nullable;
    assert.deepEqual(found, COLUMNS);
  });

  it('say alike on both drivers what a value is', async () => {
    const { rows } =
      await sql`select 9007199254740991::int8 as int8, 1.50::numeric(20, 9) as numeric, 'infinity'::float8 as float8,
      timestamptz '2026-03-01 12:00:00.123+02' as timestamptz, '[1, {"a": null}]'::jsonb as jsonb, '"text"'::jsonb as scalar, 'null'::jsonb as json_null,
      array['a', null, 'b,"c\\']::text[] as texts, '{}'::text[] as nothing, array['0190a6a0-0000-7000-8000-000000000000']::uuid[] as uuids,
      true as bool, count(*) as count, 7::smallint as int2`.execute(database.db);
    assert.deepEqual(rows[0], {
      int8: 9_007_199_254_740_991,
      numeric: '1.500000000',
      float8: Infinity,
      timestamptz: new Date('2026-03-01T10:00:00.123Z'),
      jsonb: [1, { a: null }],
      scalar: 'text',
      json_null: null,
      texts: ['a', null, 'b,"c\\'],
      nothing: [],
      uuids: ['0190a6a0-0000-7000-8000-000000000000'],
      bool: true,
      count: 1,
      int2: 7,
    });
  });

  it('count what a statement changed', async () => {
    const result = await database.db
      .updateTable('tenants')
      .set({ name: 'renamed' })
      .where('tenant_id', '=', 'other')
      .executeTakeFirstOrThrow();
    assert.equal(result.numUpdatedRows, 1n);
  });
});
