-- MCP servers of tenants, with the list of their tools as it was last read. `revision` counts changes of what is asked and how:
-- a list that was read under an older one is not kept.
create table mcp_servers (
  id               uuid primary key,
  tenant_id        text not null references tenants,
  name             text not null,
  url              text not null,
  headers          jsonb not null default '{}',
  enabled          boolean not null,
  timeout_ms       int not null,
  revision         int not null default 1,
  tools            jsonb not null,
  protocol_version text,
  server_name      text,
  server_version   text,
  listed_at        timestamptz,
  checked_at       timestamptz,
  last_error       text,
  created_by       text not null,
  created_at       timestamptz not null default reeve_now(),
  updated_at       timestamptz not null default reeve_now(),
  unique (tenant_id, name)
);

alter table mcp_servers enable row level security;
create policy own_tenant on mcp_servers to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
grant select, insert, update, delete on mcp_servers to reeve_tenant;
