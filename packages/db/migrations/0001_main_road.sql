-- The main road: tenants, the queue, runs with their steps and events, agents, memory, audit.
--
-- Every table names its tenant. Row-level security is the second lock behind each query's own condition: what acts
-- for one tenant runs as the role reeve_tenant, which sees only rows of the tenant in the setting reeve.tenant.

do $$ begin
  if not exists (select from pg_roles where rolname = 'reeve_tenant') then create role reeve_tenant nologin; end if;
exception when duplicate_object or unique_violation then null; -- another database of the server made it just now
end $$;

-- So that this connection's user may `set role` to it: superusers may anyway, owners elsewhere need the grant.
do $$ begin
  execute format('grant reeve_tenant to %I', current_user);
exception when others then null;
end $$;

-- The one clock of every decision made in SQL: the database's, so that a worker whose own is wrong does no harm.
create function reeve_now() returns timestamptz language sql volatile parallel safe as $$ select clock_timestamp() $$;

create table tenants (
  tenant_id  text primary key check (tenant_id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
  name       text not null,
  created_at timestamptz not null default reeve_now()
);

-- First answers to requests that carried an Idempotency-Key; `status` is null while the first is under way.
create table idempotency_keys (
  tenant_id    text not null references tenants,
  key          text not null,
  fingerprint  text not null,
  status       int,
  body         jsonb,
  created_at   timestamptz not null default reeve_now(),
  primary key (tenant_id, key)
);

-- The queue. `tasks` is the record and is written when a task begins and ends; which of the small tables a
-- pending task is in says what it waits for: ready_tasks (nothing), timers (a time), task_dependencies (other
-- tasks). leases holds what is in flight. Rows of ready_tasks are never updated, so a claim may pick by ctid.
create table tasks (
  id                 uuid primary key,
  tenant_id          text not null references tenants,
  agent_id           text not null,
  task_type          text not null,
  status             text not null check (status in ('pending', 'completed', 'failed', 'cancelled')),
  priority           smallint not null check (priority between -100 and 100),
  title              text not null,
  description        text,
  payload            jsonb not null,
  result             jsonb,
  result_summary     text,
  error_message      text,
  error_code         text,
  attempts           int not null default 0,
  max_attempts       int not null,
  run_at             timestamptz,
  depends_on         uuid[] not null default '{}',
  parent_task_id     uuid,
  session_id         uuid,
  trace_id           text not null,
  created_by_user_id text,
  cancel_requested   boolean not null default false,
  created_at         timestamptz not null,
  started_at         timestamptz,
  completed_at       timestamptz,
  updated_at         timestamptz not null
) with (fillfactor = 85);
create index tasks_newest on tasks (tenant_id, created_at desc, id desc);
create index tasks_session on tasks (tenant_id, session_id, created_at desc) where session_id is not null;

create table ready_tasks (
  rank      smallint not null, -- the negated priority, so that ascending order is claim order
  task_id   uuid not null,
  tenant_id text not null,
  primary key (rank, task_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

create table timers (
  task_id   uuid primary key,
  tenant_id text not null,
  due_at    timestamptz not null,
  reason    text not null check (reason in ('schedule', 'retry'))
);
create index timers_due on timers (due_at);

create table task_dependencies (
  depends_on uuid not null,
  task_id    uuid not null,
  tenant_id  text not null,
  primary key (depends_on, task_id)
);
create index task_dependencies_of on task_dependencies (task_id);

create table leases (
  task_id    uuid primary key,
  tenant_id  text not null,
  epoch      bigint not null,
  owner      text not null,
  attempt    int not null,
  started_at timestamptz not null,
  expires_at timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
create sequence lease_epochs;

create table agents (
  id          uuid primary key,
  tenant_id   text not null references tenants,
  slug        text not null,
  name        text not null,
  version     int not null,
  built_in    boolean not null default false,
  created_at  timestamptz not null,
  updated_at  timestamptz not null,
  deleted_at  timestamptz
);
create unique index agents_slug on agents (tenant_id, lower(slug)) where deleted_at is null;

create table agent_versions (
  agent_id   uuid not null references agents,
  version    int not null,
  tenant_id  text not null,
  config     jsonb not null,
  created_at timestamptz not null,
  created_by text,
  primary key (agent_id, version)
);

create table sessions (
  id            uuid primary key,
  tenant_id     text not null references tenants,
  title         text not null,
  agent_id      uuid,
  message_count int not null default 0,
  created_at    timestamptz not null,
  updated_at    timestamptz not null
);
create index sessions_recent on sessions (tenant_id, updated_at desc);

create table messages (
  session_id uuid not null references sessions on delete cascade,
  position   int not null,
  tenant_id  text not null,
  role       text not null check (role in ('user', 'assistant', 'tool-plan', 'tool-output', 'system')),
  content    text not null,
  run_id     uuid,
  created_at timestamptz not null,
  primary key (session_id, position)
);

create table memories (
  id          uuid primary key,
  tenant_id   text not null references tenants,
  persona_id  uuid,
  text        text not null,
  digest      text not null,
  tags        text[] not null default '{}',
  session_id  uuid,
  run_id      uuid,
  created_at  timestamptz not null,
  expires_at  timestamptz,
  search      tsvector not null generated always as (to_tsvector('english', regexp_replace(replace(text, '<', ' '), '(\S{60})', '\1 ', 'g'))) stored -- the parser is quadratic on unbroken text
);
create unique index memories_once on memories (tenant_id, coalesce(persona_id, '00000000-0000-0000-0000-000000000000'), digest);
create index memories_search on memories using gin (search);

-- A run is one execution of an agent for a task; it survives crashes through its steps. What a model was shown is a
-- pure function of the session's messages before it and of its settled steps, so nothing is stored twice.
create table runs (
  id            uuid primary key,
  tenant_id     text not null references tenants,
  task_id       uuid not null unique references tasks,
  agent_id      uuid not null references agents,
  agent_version int not null,
  session_id    uuid not null,
  door          text not null,
  status        text not null check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
  input         text not null,
  context       jsonb not null default '[]',
  history_until int not null default 0,
  result        text,
  error_code    text,
  error_message text,
  input_tokens  bigint not null default 0,
  output_tokens bigint not null default 0,
  cost_usd      numeric(20, 9),
  trace_id      text not null,
  request_id    text,
  created_at    timestamptz not null,
  started_at    timestamptz,
  ended_at      timestamptz
);
create index runs_newest on runs (tenant_id, created_at desc, id desc);
create index runs_session on runs (tenant_id, session_id, created_at desc);
create index runs_trace on runs (tenant_id, trace_id);

create table steps (
  run_id        uuid not null references runs on delete cascade,
  number        int not null,
  tenant_id     text not null,
  kind          text not null check (kind in ('model', 'tool')),
  name          text not null,
  tool_call_id  text,
  input         jsonb not null,
  output        jsonb,
  status        text not null check (status in ('pending', 'settled')),
  outcome       text,
  attempt       int not null default 0, -- how often it was begun
  input_tokens  int,
  output_tokens int,
  cost_usd      numeric(20, 9),
  started_at    timestamptz not null,
  ended_at      timestamptz,
  primary key (run_id, number)
);

create table events (
  run_id     uuid not null references runs on delete cascade,
  seq        int not null,
  tenant_id  text not null,
  type       text not null,
  data       jsonb not null,
  created_at timestamptz not null,
  primary key (run_id, seq)
);

create table audit (
  id         uuid primary key,
  tenant_id  text not null references tenants,
  at         timestamptz not null,
  actor      text not null,
  action     text not null,
  trace_id   text not null,
  task_id    uuid,
  run_id     uuid,
  details    jsonb not null default '{}'
);
create index audit_newest on audit (tenant_id, at desc, id desc);
create index audit_trace on audit (tenant_id, trace_id);

do $$
declare name text;
begin
  foreach name in array array[
    'tenants', 'idempotency_keys', 'tasks', 'ready_tasks', 'timers', 'task_dependencies', 'leases', 'agents', 'agent_versions',
    'sessions', 'messages', 'memories', 'runs', 'steps', 'events', 'audit'
  ] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;
-- What was recorded stays: audit rows are only ever added.
revoke update, delete on audit from reeve_tenant;
revoke insert, update, delete on tenants from reeve_tenant;
grant usage on sequence lease_epochs to reeve_tenant;
