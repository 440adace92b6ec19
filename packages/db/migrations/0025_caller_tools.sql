-- Tools that a caller offers to the run it asks for, and the calls of them, whose results the caller gives.
create table caller_tools (
  run_id    uuid primary key references runs on delete cascade,
  tenant_id text not null,
  tools     jsonb not null,
  choice    jsonb -- what the first model call is told about tools; null: nothing
);
create table caller_calls (
  run_id       uuid not null references runs on delete cascade,
  step         int not null,
  tenant_id    text not null,
  expires_at   timestamptz not null,
  outcome      jsonb, -- what the caller answered; null: nothing yet
  answered_seq int,   -- the last event of the run before the answer
  primary key (run_id, step),
  check ((outcome is null) = (answered_seq is null))
);

alter table runs
  drop constraint runs_waiting_for_check,
  add constraint runs_waiting_for_check check (waiting_for in ('approval', 'budget', 'dependencies', 'model', 'caller'));
alter table waiting_tasks
  drop constraint waiting_tasks_reason_check,
  drop constraint waiting_tasks_check,
  add constraint waiting_tasks_reason_check
    check (reason in ('schedule', 'retry', 'approval', 'budget', 'dependencies', 'model', 'caller')),
  add constraint waiting_tasks_check
    check (due_at is not null or reason in ('approval', 'budget', 'dependencies', 'model', 'caller'));
drop index waiting_tasks_suspended;
create index waiting_tasks_suspended on waiting_tasks (tenant_id, reason)
  where reason in ('approval', 'budget', 'dependencies', 'model', 'caller');

do $$
declare name text;
begin
  foreach name in array array['caller_tools', 'caller_calls'] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;
