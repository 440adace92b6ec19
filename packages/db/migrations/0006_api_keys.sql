-- API keys: who calls with one is the key's id, whatever its secret is at the moment.

create table api_keys (
  id           uuid primary key,
  tenant_id    text not null references tenants,
  name         text not null,
  role         text not null check (role in ('viewer', 'member', 'operator', 'admin')),
  public_id    text not null unique, -- stands in each of its secrets
  last_four    text not null,
  created_by   text not null,
  created_at   timestamptz not null default reeve_now(),
  expires_at   timestamptz,
  last_used_at timestamptz, -- to the minute
  rotated_at   timestamptz,
  revoked_at   timestamptz
);
create index api_keys_newest on api_keys (tenant_id, created_at desc, id desc);

-- What proves a key: the SHA-256 of each of its secrets. Those from before a rotation are valid until a time.
create table api_key_secrets (
  digest      text primary key,
  key_id      uuid not null references api_keys on delete cascade,
  tenant_id   text not null,
  created_at  timestamptz not null default reeve_now(),
  valid_until timestamptz
);
create index api_key_secrets_of on api_key_secrets (key_id);

do $$
declare name text;
begin
  foreach name in array array['api_keys', 'api_key_secrets'] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;
