-- How many tasks a tenant may run at once can be its policy's to say, beside what was set for it: the lower of both holds.
alter table concurrency_limits
  alter column max_running drop not null,
  add column policy_max int check (policy_max >= 0),
  add constraint concurrency_limits_some check (max_running is not null or policy_max is not null);

create index budgets_month on budgets (ref) where scope = 'month';
