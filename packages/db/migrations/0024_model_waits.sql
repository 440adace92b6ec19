-- Tasks whose model takes no calls at the moment wait for it without a lease, and each step knows since when it has waited so.

alter table waiting_tasks
  drop constraint waiting_tasks_reason_check,
  drop constraint waiting_tasks_check,
  add constraint waiting_tasks_reason_check
    check (reason in ('schedule', 'retry', 'approval', 'budget', 'dependencies', 'model')),
  add constraint waiting_tasks_check
    check (due_at is not null or reason in ('approval', 'budget', 'dependencies', 'model'));
drop index waiting_tasks_suspended;
create index waiting_tasks_suspended on waiting_tasks (tenant_id, reason)
  where reason in ('approval', 'budget', 'dependencies', 'model');
-- They are counted for /health and the metrics, over all tenants.
create index waiting_tasks_model on waiting_tasks (task_id) where reason = 'model';

alter table runs
  drop constraint runs_waiting_for_check,
  add constraint runs_waiting_for_check check (waiting_for in ('approval', 'budget', 'dependencies', 'model'));

alter table steps add column model_waited_since timestamptz; -- when the task was first put aside for this step's model
