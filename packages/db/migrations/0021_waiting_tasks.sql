-- One table for tasks that are not claimable until something happens, names that say what they hold, and lanes without a marker.

-- A pending task with a row here waits for its time, or is suspended until what it waits for has come. A suspended task has been in
-- progress: it has no lease, and keeps its concurrency slot.
create table waiting_tasks (
  task_id   uuid primary key,
  tenant_id text not null,
  reason    text not null check (reason in ('schedule', 'retry', 'approval', 'budget', 'dependencies')),
  since     timestamptz not null default reeve_now(),
  due_at    timestamptz, -- when it goes on by itself; null: never
  check (due_at is not null or reason in ('approval', 'budget', 'dependencies'))
);
insert into waiting_tasks (task_id, tenant_id, reason, due_at) select task_id, tenant_id, reason, due_at from timers;
insert into waiting_tasks (task_id, tenant_id, reason, since, due_at) select task_id, tenant_id, reason, parked_at, retry_at from parked_tasks;
create index waiting_tasks_due on waiting_tasks (due_at) where due_at is not null;
create index waiting_tasks_suspended on waiting_tasks (tenant_id, reason) where reason in ('approval', 'budget', 'dependencies');
drop table timers;
drop table parked_tasks;

alter table waiting_tasks enable row level security;
create policy own_tenant on waiting_tasks to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
grant select, insert, update, delete on waiting_tasks to reeve_tenant;

-- Ended tasks whose end other tasks are still to be updated for.
alter table ended_tasks rename to task_completion_outbox;
alter table task_completion_outbox rename constraint ended_tasks_pkey to task_completion_outbox_pkey;
alter table tasks rename column has_followers to notifies_on_end;

-- A lane holds the ready tasks of an agent of a tenant. Those whose workers died repeatedly are quarantined in a lane of their own,
-- which is claimed one at a time; a `~` before the agent said so.
alter table ready_tasks rename to ready_tasks_0002;
create table ready_tasks (
  tenant_id   text not null,
  agent_id    text not null,
  quarantined boolean not null default false,
  rank        bigint not null,
  task_id     uuid not null,
  primary key (tenant_id, agent_id, quarantined, rank, task_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
insert into ready_tasks (tenant_id, agent_id, quarantined, rank, task_id)
  select tenant_id, case when lane like '~%' then substr(lane, 2) else lane end, lane like '~%', rank, task_id from ready_tasks_0002;
drop table ready_tasks_0002;
create index ready_tasks_task on ready_tasks (task_id);

alter table ready_tasks enable row level security;
create policy own_tenant on ready_tasks to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
grant select, insert, update, delete on ready_tasks to reeve_tenant;
