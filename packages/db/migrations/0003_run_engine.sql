-- The run engine and the model gateway: runs that wait for people and budgets, forks, the ledger of model calls.

-- Tasks in progress whose holder put them aside until something outside happens. They have no lease, and keep their key.
create table parked_tasks (
  task_id   uuid primary key,
  tenant_id text not null,
  reason    text not null check (reason in ('approval', 'budget')),
  parked_at timestamptz not null default reeve_now(),
  retry_at  timestamptz -- when it tries again by itself; null: never
);
create index parked_tasks_reason on parked_tasks (tenant_id, reason);
create index parked_tasks_retry on parked_tasks (retry_at) where retry_at is not null;

-- A tool call may be asked about twice: whether it may be made, and, where a crash hid it, what became of it.
alter table approvals
  drop constraint approvals_kind_check,
  add constraint approvals_kind_check check (kind in ('task', 'tool_call', 'tool_outcome')),
  add column step int,
  add column attempt int, -- of the step, whose outcome is hidden
  add column tool text,
  add column tool_call_id text,
  add column edited_input jsonb,
  add column given_result jsonb;
create index approvals_of_run on approvals (run_id, step) where run_id is not null;

-- A fork has the steps of another run below `fork_step`, read where they are, and its own from there on.
alter table runs
  add column waiting_for text check (waiting_for in ('approval', 'budget')),
  add column parent_run_id uuid,
  add column root_run_id uuid, -- whose budget the tree of runs shares; null: its own
  add column forked_from uuid references runs,
  add column fork_step int,
  add column multitask text not null default 'enqueue' check (multitask in ('enqueue', 'reject', 'interrupt', 'rollback')),
  add column cached_tokens bigint not null default 0,
  add column reasoning_tokens bigint not null default 0,
  add constraint runs_fork check ((forked_from is null) = (fork_step is null));
create index runs_forks on runs (forked_from) where forked_from is not null;
create index runs_children on runs (parent_run_id) where parent_run_id is not null;

-- `message`: something said to a run that is under way. `compaction`: a summary that stands for older messages.
alter table steps
  drop constraint steps_kind_check,
  add constraint steps_kind_check check (kind in ('model', 'tool', 'message', 'compaction'));

-- The session of a fork begins with another's messages up to a position, read where they are.
alter table sessions
  add column parent_session_id uuid references sessions on delete set null,
  add column parent_until int;
-- What a tool was called with and answered is kept by its step; a message that tells of it has no content of its own.
alter table messages
  alter column content drop not null,
  add column step int,
  add constraint messages_content check (content is not null or (run_id is not null and step is not null));

create index messages_told on messages (run_id) where content is null;
create index sessions_forks on sessions (parent_session_id) where parent_session_id is not null;

-- What a message says, from its step where it tells of one.
create function message_content(m messages) returns text language sql stable as $$
  select coalesce(m.content, (
    select case m.role
      when 'tool-plan' then json_build_object('tool_call_id', s.tool_call_id || '-' || s.number, 'name', s.name, 'input', s.input)
      else json_build_object('tool_call_id', s.tool_call_id || '-' || s.number, 'name', s.name,
        'status', s.output -> 'tool_status', 'output', s.output -> 'result') end ::text
    from steps s where s.run_id = m.run_id and s.number = m.step), '')
$$;
-- The newest messages of a session up to a position, newest first; a fork's begin with those of the session it came from.
create function session_messages(session uuid, until int, most int)
returns table ("position" int, tenant_id text, role text, run_id uuid, created_at timestamptz, content text) language sql stable as $$
  with recursive line as (
    select id, parent_session_id, parent_until, until as below from sessions where id = session
    union all
    select p.id, p.parent_session_id, p.parent_until, least(l.below, l.parent_until)
    from line l join sessions p on p.id = l.parent_session_id
  )
  select m.position, m.tenant_id, m.role, m.run_id, m.created_at, message_content(m)
  from line l cross join lateral (
    select * from messages where messages.session_id = l.id and messages.position <= l.below
    order by messages.position desc limit most) m
  order by m.position desc limit most
$$;

-- One row for each attempt at a model call, written before it is sent. While it is open it holds what it may cost at most.
-- Money is in billionths of a US dollar.
create table model_calls (
  id               uuid primary key,
  tenant_id        text not null references tenants,
  run_id           uuid,
  root_run_id      uuid,
  step             int,
  agent_id         text,
  persona_id       uuid,
  user_id          text not null,
  trace_id         text not null,
  provider         text not null,
  model            text not null,
  attempt          int not null,
  status           text not null default 'open' check (status in ('open', 'settled')),
  outcome          text, -- ok, cancelled, abandoned, crashed, or the reason of its error
  input_nano       double precision, -- what a token costs; null: nobody knows the price
  cached_nano      double precision,
  output_nano      double precision,
  reserved_input   bigint not null, -- tokens
  reserved_output  bigint not null,
  reserved_nano    bigint not null,
  held_in          text[] not null default '{}', -- scopes of the budgets that its reservation is in
  input_tokens     bigint,
  output_tokens    bigint,
  cached_tokens    bigint,
  reasoning_tokens bigint,
  cost_nano        bigint, -- null: nobody knows the price
  estimated        boolean not null default false,
  first_token_ms   int,
  latency_ms       int,
  created_at       timestamptz not null default reeve_now(),
  expires_at       timestamptz not null,
  ended_at         timestamptz
);
create index model_calls_newest on model_calls (tenant_id, created_at);
create index model_calls_run on model_calls (run_id, step) where run_id is not null;
create index model_calls_open on model_calls (expires_at) where status = 'open';

-- What may be spent, in tokens and in money; null: no limit. `ref` is '' for the tenant, else the persona, agent or root run.
create table budgets (
  tenant_id       text not null references tenants,
  scope           text not null check (scope in ('tenant', 'persona', 'agent', 'run')),
  ref             text not null default '',
  limit_tokens    bigint check (limit_tokens >= 0),
  limit_nano      bigint check (limit_nano >= 0),
  spent_tokens    bigint not null default 0,
  spent_nano      bigint not null default 0,
  reserved_tokens bigint not null default 0,
  reserved_nano   bigint not null default 0,
  updated_by      text not null,
  updated_at      timestamptz not null default reeve_now(),
  primary key (tenant_id, scope, ref)
);

do $$
declare name text;
begin
  foreach name in array array['parked_tasks', 'model_calls', 'budgets'] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;

-- Each connection draws a thousand numbers at once. A lease's need only differ, and a position tells the order in one transaction.
alter sequence lease_epochs cache 1000;
alter table journal alter column position set cache 1000;

-- The id of an entry follows from its place, so none has to be made up and stored.
drop view memory_events;
alter table journal drop column id;
create view memory_events with (security_invoker = true) as
  select tenant_id, xid, position, type, agent_id, task_id, session_id, trace_id, summary as content, created_at
  from journal
  where type in ('task_completed', 'task_failed', 'task_cancelled', 'approval_approved', 'approval_rejected', 'schedule_fired');
grant select on memory_events to reeve_tenant;
