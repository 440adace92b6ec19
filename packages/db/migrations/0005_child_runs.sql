-- Child runs: work that a run gives to another agent, and waits for.

alter table parked_tasks
  drop constraint parked_tasks_reason_check,
  add constraint parked_tasks_reason_check check (reason in ('approval', 'budget', 'dependencies'));
alter table runs
  drop constraint runs_waiting_for_check,
  add constraint runs_waiting_for_check check (waiting_for in ('approval', 'budget', 'dependencies'));
create index runs_tree on runs (root_run_id) where root_run_id is not null;

-- The run that a tool call opened, and whose end is its outcome.
alter table steps add column child_run_id uuid;

create index tasks_children on tasks (parent_task_id) where parent_task_id is not null;
