-- Settings that a tenant's administrators changed while the server runs. They go before what is configured.
create table settings (
  tenant_id  text not null references tenants,
  name       text not null,
  value      jsonb not null,
  updated_by text not null,
  updated_at timestamptz not null default reeve_now(),
  primary key (tenant_id, name)
);

alter table settings enable row level security;
create policy own_tenant on settings to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
grant select, insert, update, delete on settings to reeve_tenant;
