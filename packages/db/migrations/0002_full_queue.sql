-- The queue at full strength: lanes, approvals, workflows, schedules, limits, the journal, counts.

-- A UUID of version 7, for rows that SQL makes by itself.
create function reeve_new_id() returns uuid language sql volatile parallel safe as $$
  select encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
      52, 1), 53, 1),
    'hex')::uuid
$$;

-- The place in a lane's order: the moment it became ready, in milliseconds, made earlier by a minute for each point of
-- priority. So a more urgent task goes first, and a less urgent one no later than those that come hours after it.
create function reeve_rank(priority int) returns bigint language sql volatile parallel safe as $$
  select (extract(epoch from clock_timestamp()) * 1000)::bigint - priority * 60000
$$;

create table workflows (
  id                 uuid primary key,
  tenant_id          text not null references tenants,
  title              text not null,
  on_failure         text not null check (on_failure in ('cancel_dependents', 'run_anyway')),
  trace_id           text not null,
  created_by_user_id text,
  created_at         timestamptz not null default reeve_now()
);
create index workflows_newest on workflows (tenant_id, created_at desc, id desc);

-- No index mentions what changes when a task begins or ends, so that its end is a heap-only update where its page has room: a batch
-- of ends writes whole pages anew, so half of each is left free.
alter table tasks set (fillfactor = 50);
alter table tasks
  drop constraint tasks_tenant_id_fkey, -- checked for each row of a batch; the audit row of the call has it too
  add column workflow_id uuid,
  add column workflow_key text,
  add column run_anyway boolean not null default false, -- dependencies that failed count as ended
  add column requires_approval boolean not null default false,
  add column concurrency_key text,
  add column concurrency_limit int not null default 1,
  add column concurrency_strategy text not null default 'queue' check (concurrency_strategy in ('queue', 'reject', 'cancel_running')),
  add column has_followers boolean not null default false, -- its end concerns others: dependents, or waiters for its key
  add column lost_attempts int not null default 0; -- attempts whose worker fell silent
update tasks set has_followers = true where id in (select depends_on from task_dependencies);
create index tasks_depends_on on tasks using gin (depends_on) where depends_on <> '{}';
create index tasks_workflow on tasks (workflow_id) where workflow_id is not null;
create index tasks_trace on tasks (tenant_id, trace_id);

-- What can be claimed. A lane is an agent of a tenant: claims are shared out between tenants, and lanes whose limit is
-- reached are left alone whatever their length. `~` before the agent: tasks whose worker fell silent, claimed one at a time.
alter table ready_tasks rename to ready_tasks_0001;
create table ready_tasks (
  tenant_id text not null,
  lane      text not null,
  rank      bigint not null,
  task_id   uuid not null,
  primary key (tenant_id, lane, rank, task_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
create index ready_tasks_task on ready_tasks (task_id);
insert into ready_tasks select t.tenant_id, t.agent_id, reeve_rank(t.priority), t.id from ready_tasks_0001 r join tasks t on t.id = r.task_id;
drop table ready_tasks_0001;

alter table leases add column agent_id text not null default '';
update leases l set agent_id = t.agent_id from tasks t where t.id = l.task_id;

-- Ended tasks whose end others must still be told of: dependents, and those that wait for its concurrency key.
create table ended_tasks (
  task_id   uuid primary key,
  tenant_id text not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- Tasks of a concurrency key: those that hold one of its places, and those that wait for one.
create table concurrency_slots (
  tenant_id text not null,
  key       text not null,
  task_id   uuid not null,
  holds     boolean not null,
  rank      bigint not null,
  primary key (tenant_id, key, task_id)
);
create index concurrency_slots_next on concurrency_slots (tenant_id, key, holds, rank, task_id);
create index concurrency_slots_task on concurrency_slots (task_id);

create table concurrency_limits (
  tenant_id   text not null references tenants,
  agent_id    text not null, -- '' for the whole tenant
  max_running int not null check (max_running >= 0),
  primary key (tenant_id, agent_id)
);

-- A decision that something waits for.
create table approvals (
  id               uuid primary key,
  tenant_id        text not null references tenants,
  kind             text not null check (kind in ('task', 'tool_call')),
  task_id          uuid not null,
  run_id           uuid,
  agent_id         text not null,
  title            text not null,
  input            jsonb not null,
  status           text not null default 'pending' check (status in ('pending', 'approved', 'rejected', 'withdrawn')),
  requested_by     text,
  requested_at     timestamptz not null default reeve_now(),
  expires_at       timestamptz,
  default_decision text not null check (default_decision in ('approve', 'reject')),
  decided_by       text,
  decided_at       timestamptz,
  reason           text
);
create index approvals_of_task on approvals (task_id);
create index approvals_listed on approvals (tenant_id, status, requested_at, id);
create index approvals_expiring on approvals (expires_at) where status = 'pending' and expires_at is not null;

-- The tenant '*' stands for every tenant.
create table task_policies (
  tenant_id        text not null,
  task_type        text not null,
  auto_execute     boolean not null,
  expires_after_s  int,
  default_decision text not null default 'reject' check (default_decision in ('approve', 'reject')),
  updated_by       text not null,
  updated_at       timestamptz not null default reeve_now(),
  primary key (tenant_id, task_type)
);

create table schedules (
  id                 uuid primary key,
  tenant_id          text not null references tenants,
  schedule_type      text,
  agent_id           text not null,
  task_type          text not null,
  title              text not null,
  frequency          text check (frequency in ('daily', 'weekly', 'monthly')),
  cron               text,
  anchor             timestamptz not null, -- gives a frequency its time of day, its day of week and of month
  timezone           text not null,
  enabled            boolean not null,
  config             jsonb not null,
  catch_up           text not null check (catch_up in ('skip', 'one')),
  next_run_at        timestamptz,
  last_run_at        timestamptz,
  last_task_id       uuid,
  missed_count       int not null default 0,
  last_error         text,
  created_by_user_id text,
  created_at         timestamptz not null default reeve_now(),
  updated_at         timestamptz not null default reeve_now(),
  check ((frequency is null) <> (cron is null))
);
create index schedules_newest on schedules (tenant_id, created_at desc, id desc);
create index schedules_due on schedules (next_run_at) where enabled and next_run_at is not null;

-- What happened to tasks, approvals and schedules, one row for each transition, in its transaction. Readers go by
-- (xid, position): every transaction below the oldest one in progress has ended, so none appears behind a reader.
create table journal (
  tenant_id   text not null,
  xid         xid8 not null default pg_current_xact_id(),
  position    bigint not null generated always as identity,
  id          uuid not null default gen_random_uuid(), -- many are made at once, and nothing looks for them
  type        text not null,
  agent_id    text,
  task_id     uuid,
  schedule_id uuid,
  session_id  uuid,
  trace_id    text,
  actor       text not null default 'system',
  summary     text not null,
  details     jsonb not null default '{}',
  created_at  timestamptz not null default reeve_now(),
  primary key (tenant_id, xid, position)
);
create index journal_task on journal (task_id) where task_id is not null;

-- What there is to remember of the work of agents is told by the same rows.
create view memory_events with (security_invoker = true) as
  select tenant_id, xid, position, id, type, agent_id, task_id, session_id, trace_id, summary as content, created_at
  from journal
  where type in ('task_completed', 'task_failed', 'task_cancelled', 'approval_approved', 'approval_rejected', 'schedule_fired');

-- How many tasks there are, as changes that are summed up: nobody waits for anybody's row. Merged now and then.
create table task_counts (
  tenant_id text not null,
  agent_id  text not null,
  task_type text not null,
  status    text not null,
  minute    timestamptz not null,
  change    bigint not null
);
create index task_counts_tenant on task_counts (tenant_id);

create function count_inserted_tasks() returns trigger language plpgsql as $$ begin
  insert into task_counts
  select tenant_id, agent_id, task_type, status, date_trunc('minute', reeve_now()), count(*) from inserted group by 1, 2, 3, 4;
  return null;
end $$;
create function count_updated_tasks() returns trigger language plpgsql as $$ begin
  insert into task_counts
  select tenant_id, agent_id, task_type, status, date_trunc('minute', reeve_now()), sum(change)
  from (
    select tenant_id, agent_id, task_type, status, 1 as change from updated
    union all select tenant_id, agent_id, task_type, status, -1 from before
  ) c
  group by 1, 2, 3, 4 having sum(change) <> 0;
  return null;
end $$;
create function count_deleted_tasks() returns trigger language plpgsql as $$ begin
  insert into task_counts
  select tenant_id, agent_id, task_type, status, date_trunc('minute', reeve_now()), -count(*) from deleted group by 1, 2, 3, 4;
  return null;
end $$;
create trigger count_inserted after insert on tasks referencing new table as inserted for each statement execute function count_inserted_tasks();
create trigger count_updated after update on tasks referencing old table as before new table as updated for each statement execute function count_updated_tasks();
create trigger count_deleted after delete on tasks referencing old table as deleted for each statement execute function count_deleted_tasks();
insert into task_counts select tenant_id, agent_id, task_type, status, 'epoch', count(*) from tasks group by 1, 2, 3, 4;

do $$
declare name text;
begin
  foreach name in array array[
    'workflows', 'ready_tasks', 'ended_tasks', 'concurrency_slots', 'concurrency_limits', 'approvals', 'schedules', 'journal', 'task_counts'
  ] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;
-- Policies for all tenants are seen by all, and set by what does not act for one.
alter table task_policies enable row level security;
create policy own_tenant on task_policies to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
create policy every_tenant on task_policies for select to reeve_tenant using (tenant_id = '*');
grant select, insert, update, delete on task_policies to reeve_tenant;
grant select on memory_events to reeve_tenant;
-- What happened stays: the journal is only added to, until retention takes it.
revoke update, delete on journal, task_counts from reeve_tenant;
