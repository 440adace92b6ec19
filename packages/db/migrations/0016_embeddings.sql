-- Vectors of the texts that the lexical index holds (packages/memory/src/vectors). An embedding space is one model's for one tenant:
-- `building` until every text has its vector, then `live`; `retired` is one whose place another has taken, until it is emptied.
create table embedding_spaces (
  id         int generated always as identity primary key,
  tenant_id  text not null references tenants,
  model      text not null, -- provider/model
  revision   int not null, -- of what the program makes vectors of
  dimensions int, -- null before the first vector
  state      text not null check (state in ('building', 'live', 'retired')),
  holder     text, -- the process that fills it, until `held_until`
  held_until timestamptz,
  created_at timestamptz not null default reeve_now()
);
create unique index embedding_spaces_once on embedding_spaces (tenant_id, model, revision) where state <> 'retired';
create unique index embedding_spaces_live on embedding_spaces (tenant_id) where state = 'live';
create unique index embedding_spaces_building on embedding_spaces (tenant_id) where state = 'building';
create index embedding_spaces_retired on embedding_spaces (id) where state = 'retired';

-- How far an embedding space has got in a lexical space. Its writers take turns by the row of the lexical space.
create table embedding_progress (
  embedding_id int not null,
  space_id     int not null,
  tenant_id    text not null,
  until        int not null default 0, -- the last entry that is done
  version      bigint not null default 0, -- counts changes of its vectors
  vectors      int not null default 0, -- that are there
  primary key (embedding_id, space_id)
);

create table embeddings (
  space_id     int not null, -- of the lexical index, as is `ref`
  ref          text collate "C" not null,
  embedding_id int not null,
  tenant_id    text not null,
  hash         text collate "C" not null, -- of the text
  changed      bigint not null, -- the version that it came with
  vector       bytea not null, -- of length 1, 32-bit floats, the least byte first
  primary key (space_id, ref, embedding_id)
);
create index embeddings_changed on embeddings (embedding_id, space_id, changed, ref);
create index embeddings_same on embeddings (embedding_id, hash);
alter table embeddings alter column vector set storage external;

do $$
declare name text;
begin
  foreach name in array array['embedding_spaces', 'embedding_progress', 'embeddings'] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;
