-- What holds for tenants beside their file, counts of requests, and budgets of a month.

-- Values that were set through the API and go before those of the tenants file. Rows stay when all is taken away, so that
-- others hear of it.
create table tenant_policies (
  tenant_id  text primary key references tenants,
  overrides  jsonb not null,
  updated_by text not null,
  updated_at timestamptz not null default reeve_now()
);
create index tenant_policies_newest on tenant_policies (updated_at);

-- How many requests came in the window of a key. Not logged: a count need not survive a crash of the server, and no request
-- shall wait for the disk.
create unlogged table rate_windows (
  tenant_id text not null,
  key       text not null, -- whose: of the tenant, or of one of its callers
  count     bigint not null,
  began_at  timestamptz not null,
  ends_at   timestamptz not null,
  primary key (tenant_id, key)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

do $$
declare name text;
begin
  foreach name in array array['tenant_policies', 'rate_windows'] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;

-- A budget of one calendar month in UTC: `ref` is the persona, or `default`, with the month: `default:2026-11`.
alter table budgets
  drop constraint budgets_scope_check,
  add constraint budgets_scope_check check (scope in ('tenant', 'persona', 'month', 'agent', 'run'));
