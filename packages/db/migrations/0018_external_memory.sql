-- An external memory backend beside the built-in one (packages/memory/src/external). A tenant has a row here from when its memories
-- were first brought there; without one, or while it is switched off, nothing is noted below.
create table external_stores (
  tenant_id  text primary key,
  target     text collate "C" not null, -- which backend, by a hash of its address
  enabled    boolean not null default true,
  filled     boolean not null default false, -- what was remembered before is noted, too
  holder     text, -- the process that sends, until `held_until`
  held_until timestamptz
);

-- What the backend has of each memory, and whether it is yet to be told what has become of it. Names no memory that must be there and
-- no tenant: what is gone here is still to be deleted there.
create table external_memories (
  memory_id  uuid primary key,
  tenant_id  text not null,
  change     bigint not null default 1, -- counts what became of it; fences whoever tells the backend
  pending    boolean not null default true,
  sent       boolean not null default false, -- it may be there
  coordinate text collate "C", -- where it is there
  attempts   int not null default 0,
  due_at     timestamptz not null default reeve_now()
);
create index external_memories_due on external_memories (tenant_id, due_at) where pending;

create function note_external_memories(ids uuid[], tenants text[]) returns void language sql as $$
  insert into external_memories (memory_id, tenant_id)
  select id, tenant from unnest(ids, tenants) as changed(id, tenant)
  where exists (select from external_stores s where s.tenant_id = tenant and s.enabled)
  order by id
  on conflict (memory_id) do update
    set change = external_memories.change + 1, pending = true, attempts = 0, due_at = reeve_now()
$$;
create function note_inserted_memories() returns trigger language plpgsql as $$ begin
  perform note_external_memories(array_agg(id), array_agg(tenant_id)) from inserted having count(*) > 0;
  return null;
end $$;
create function note_updated_memories() returns trigger language plpgsql as $$ begin
  perform note_external_memories(array_agg(n.id), array_agg(n.tenant_id))
  from updated n join before o on o.id = n.id
  where (n.text, n.tags, n.persona_id, n.expires_at, n.superseded_by)
    is distinct from (o.text, o.tags, o.persona_id, o.expires_at, o.superseded_by)
  having count(*) > 0;
  return null;
end $$;
create function note_deleted_memories() returns trigger language plpgsql as $$ begin
  perform note_external_memories(array_agg(id), array_agg(tenant_id)) from deleted having count(*) > 0;
  return null;
end $$;
create trigger note_inserted after insert on memories referencing new table as inserted for each statement execute function note_inserted_memories();
create trigger note_updated after update on memories referencing old table as before new table as updated for each statement execute function note_updated_memories();
create trigger note_deleted after delete on memories referencing old table as deleted for each statement execute function note_deleted_memories();

do $$
declare name text;
begin
  foreach name in array array['external_stores', 'external_memories'] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;
