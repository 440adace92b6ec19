import type { ColumnType, Generated } from 'kysely';

/** A JSON column: any value when read, the text of JSON when written (see `json`). */
type Json = ColumnType<unknown, string, string>;
type Time = Date;

/**
 * The columns of every table, by hand; a test compares them with the database's own catalogue.
 * `bigint` columns are numbers, `numeric` are decimal strings and times are Dates on both drivers.
 */
export interface Tables {
  tenants: { tenant_id: string; name: string; created_at: Generated<Time> };
  idempotency_keys: {
    tenant_id: string;
    key: string;
    fingerprint: string;
    status: number | null;
    body: Json | null;
    created_at: Generated<Time>;
  };
  tasks: {
    id: string;
    tenant_id: string;
    agent_id: string;
    task_type: string;
    status: string;
    priority: number;
    title: string;
    description: string | null;
    payload: Json;
    result: Json | null;
    result_summary: string | null;
    error_message: string | null;
    error_code: string | null;
    attempts: Generated<number>;
    max_attempts: number;
    run_at: Time | null;
    depends_on: Generated<string[]>;
    parent_task_id: string | null;
    session_id: string | null;
    trace_id: string;
    created_by_user_id: string | null;
    cancel_requested: Generated<boolean>;
    workflow_id: string | null;
    workflow_key: string | null;
    run_anyway: Generated<boolean>;
    requires_approval: Generated<boolean>;
    concurrency_key: string | null;
    concurrency_limit: Generated<number>;
    concurrency_strategy: Generated<string>;
    has_followers: Generated<boolean>;
    lost_attempts: Generated<number>;
    created_at: Time;
    started_at: Time | null;
    completed_at: Time | null;
    updated_at: Time;
  };
  workflows: {
    id: string;
    tenant_id: string;
    title: string;
    on_failure: string;
    trace_id: string;
    created_by_user_id: string | null;
    created_at: Generated<Time>;
  };
  ready_tasks: { tenant_id: string; lane: string; rank: number; task_id: string };
  ended_tasks: { task_id: string; tenant_id: string };
  concurrency_slots: { tenant_id: string; key: string; task_id: string; holds: boolean; rank: number };
  concurrency_limits: { tenant_id: string; agent_id: string; max_running: number };
  approvals: {
    id: string;
    tenant_id: string;
    kind: string;
    task_id: string;
    run_id: string | null;
    agent_id: string;
    title: string;
    input: Json;
    status: Generated<string>;
    requested_by: string | null;
    requested_at: Generated<Time>;
    expires_at: Time | null;
    default_decision: string;
    decided_by: string | null;
    decided_at: Time | null;
    reason: string | null;
  };
  task_policies: {
    tenant_id: string;
    task_type: string;
    auto_execute: boolean;
    expires_after_s: number | null;
    default_decision: Generated<string>;
    updated_by: string;
    updated_at: Generated<Time>;
  };
  schedules: {
    id: string;
    tenant_id: string;
    schedule_type: string | null;
    agent_id: string;
    task_type: string;
    title: string;
    frequency: string | null;
    cron: string | null;
    anchor: Time;
    timezone: string;
    enabled: boolean;
    config: Json;
    catch_up: string;
    next_run_at: Time | null;
    last_run_at: Time | null;
    last_task_id: string | null;
    missed_count: Generated<number>;
    last_error: string | null;
    created_by_user_id: string | null;
    created_at: Generated<Time>;
    updated_at: Generated<Time>;
  };
  journal: {
    tenant_id: string;
    xid: Generated<string>;
    position: Generated<number>;
    id: Generated<string>;
    type: string;
    agent_id: string | null;
    task_id: string | null;
    schedule_id: string | null;
    session_id: string | null;
    trace_id: string | null;
    actor: Generated<string>;
    summary: string;
    details: ColumnType<unknown, string | undefined, string>;
    created_at: Generated<Time>;
  };
  memory_events: {
    tenant_id: string;
    xid: string;
    position: number;
    id: string;
    type: string;
    agent_id: string | null;
    task_id: string | null;
    session_id: string | null;
    trace_id: string | null;
    content: string;
    created_at: Time;
  };
  task_counts: {
    tenant_id: string;
    agent_id: string;
    task_type: string;
    status: string;
    minute: Time;
    change: number;
  };
  timers: { task_id: string; tenant_id: string; due_at: Time; reason: string };
  task_dependencies: { depends_on: string; task_id: string; tenant_id: string };
  leases: {
    task_id: string;
    tenant_id: string;
    agent_id: Generated<string>;
    epoch: number;
    owner: string;
    attempt: number;
    started_at: Time;
    expires_at: Time;
  };
  agents: {
    id: string;
    tenant_id: string;
    slug: string;
    name: string;
    version: number;
    built_in: Generated<boolean>;
    created_at: Time;
    updated_at: Time;
    deleted_at: Time | null;
  };
  agent_versions: {
    agent_id: string;
    version: number;
    tenant_id: string;
    config: Json;
    created_at: Time;
    created_by: string | null;
  };
  sessions: {
    id: string;
    tenant_id: string;
    title: string;
    agent_id: string | null;
    message_count: Generated<number>;
    created_at: Time;
    updated_at: Time;
  };
  messages: {
    session_id: string;
    position: number;
    tenant_id: string;
    role: string;
    content: string;
    run_id: string | null;
    created_at: Time;
  };
  memories: {
    id: string;
    tenant_id: string;
    persona_id: string | null;
    text: string;
    digest: string;
    tags: Generated<string[]>;
    session_id: string | null;
    run_id: string | null;
    created_at: Time;
    expires_at: Time | null;
    search: ColumnType<string, never, never>;
  };
  runs: {
    id: string;
    tenant_id: string;
    task_id: string;
    agent_id: string;
    agent_version: number;
    session_id: string;
    door: string;
    status: string;
    input: string;
    context: Json;
    history_until: Generated<number>;
    result: string | null;
    error_code: string | null;
    error_message: string | null;
    input_tokens: Generated<number>;
    output_tokens: Generated<number>;
    cost_usd: string | null;
    trace_id: string;
    request_id: string | null;
    created_at: Time;
    started_at: Time | null;
    ended_at: Time | null;
  };
  steps: {
    run_id: string;
    number: number;
    tenant_id: string;
    kind: string;
    name: string;
    tool_call_id: string | null;
    input: Json;
    output: Json | null;
    status: string;
    outcome: string | null;
    attempt: Generated<number>;
    input_tokens: number | null;
    output_tokens: number | null;
    cost_usd: string | null;
    started_at: Time;
    ended_at: Time | null;
  };
  events: { run_id: string; seq: number; tenant_id: string; type: string; data: Json; created_at: Time };
  audit: {
    id: string;
    tenant_id: string;
    at: Time;
    actor: string;
    action: string;
    trace_id: string;
    task_id: string | null;
    run_id: string | null;
    details: Json;
  };
}
