-- The audit log as a chain: behind the commits, each row gets a number and a hash that covers the one before.

-- The place of a row, as the journal has it: its transaction, and its position there. Rows that are there already get this one's.
alter table audit
  add column xid xid8 not null default pg_current_xact_id(),
  add column position bigint not null generated always as identity (cache 1000);
alter table audit drop constraint audit_pkey; -- nothing looks for an id
alter table audit add primary key (tenant_id, xid, position);
drop index audit_newest; -- lists go by place
-- A tenant's role says what happened, never where the row stands.
revoke insert on audit from reeve_tenant;
grant insert (id, tenant_id, at, actor, action, trace_id, task_id, run_id, details) on audit to reeve_tenant;

-- The chain of a tenant: its rows in the order of their places, numbered from 1 without a gap.
create table audit_links (
  tenant_id text not null references tenants,
  number    bigint not null check (number > 0),
  xid       xid8 not null,
  position  bigint not null,
  audit_id  uuid not null,
  hash      bytea not null check (length(hash) = 32),
  primary key (tenant_id, number),
  constraint audit_links_place unique (tenant_id, xid, position)
);
alter table audit_links enable row level security;
create policy own_tenant on audit_links to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
grant select on audit_links to reeve_tenant;

-- Not even the owner changes what was recorded without taking this away first.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is only ever added to', tg_table_name using errcode = 'insufficient_privilege';
end $$;
create trigger audit_stays before update or delete or truncate on audit for each statement execute function refuse_change();
create trigger audit_links_stay before update or delete or truncate on audit_links for each statement execute function refuse_change();
