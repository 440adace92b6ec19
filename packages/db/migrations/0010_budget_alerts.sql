-- Alerts: the journal tells once when a budget has used 80 % of its limit, and once when nothing is left of it.

-- The highest percentage that was told of since the limit was set.
alter table budgets add column alerted int not null default 0 check (alerted in (0, 80, 100));

create or replace view memory_events with (security_invoker = true) as
  select tenant_id, xid, position, type, agent_id, task_id, session_id, trace_id, summary as content, created_at
  from journal
  where type in ('task_completed', 'task_failed', 'task_cancelled', 'approval_approved', 'approval_rejected', 'schedule_fired', 'budget_alert');
