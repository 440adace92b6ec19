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
    created_at: Time;
    started_at: Time | null;
    completed_at: Time | null;
    updated_at: Time;
  };
  ready_tasks: { rank: number; task_id: string; tenant_id: string };
  timers: { task_id: string; tenant_id: string; due_at: Time; reason: string };
  task_dependencies: { depends_on: string; task_id: string; tenant_id: string };
  leases: {
    task_id: string;
    tenant_id: string;
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
