-- The lexical index: an inverted index of packed postings, ranked by the program (packages/memory/src/lexical). A space is what may be
-- searched together, and its number leads every key. Its writers take turns by its row.
create table lexical_spaces (
  id               int generated always as identity primary key,
  tenant_id        text not null references tenants,
  persona_id       uuid,
  kind             text not null check (kind in ('memory', 'message', 'domain', 'body', 'mind', 'soul', 'playbook')),
  analyzer_version int not null,
  entries          int not null default 0, -- texts that are there now
  length           bigint not null default 0, -- of all of them together, in weighted terms
  next_entry       int not null default 1,
  next_term        int not null default 1
);
create unique index lexical_spaces_once on lexical_spaces
  (tenant_id, kind, coalesce(persona_id, '00000000-0000-0000-0000-000000000000'));

-- An indexed text: whose it is (a uuid, or `session:position`), and the numbers of its terms, so that it can be taken out again.
create table lexical_entries (
  space_id  int not null,
  entry     int not null,
  tenant_id text not null,
  ref       text collate "C" not null,
  length    int not null,
  terms     bytea not null,
  primary key (space_id, entry)
);
create unique index lexical_entries_ref on lexical_entries (space_id, ref);

-- A term that some text has. The newest of its postings are beside it, the others in blocks.
create table lexical_terms (
  space_id  int not null,
  term      text collate "C" not null,
  tenant_id text not null,
  number    int not null,
  count     int not null, -- texts that have it
  tail      bytea not null,
  primary key (space_id, term)
) with (fillfactor = 90);
create unique index lexical_terms_number on lexical_terms (space_id, number);

create table lexical_blocks (
  space_id  int not null,
  number    int not null,
  first     int not null, -- no entry in it is below
  tenant_id text not null,
  data      bytea not null,
  primary key (space_id, number, first)
);
alter table lexical_entries alter column terms set storage external;
alter table lexical_terms alter column tail set storage external;
alter table lexical_blocks alter column data set storage external;

do $$
declare name text;
begin
  foreach name in array array['lexical_spaces', 'lexical_entries', 'lexical_terms', 'lexical_blocks'] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;

-- Memories are indexed in the transaction that stores them, those of before by the indexer.
alter table memories
  drop column search,
  add column indexed boolean not null default false;
create index memories_unindexed on memories (id) where not indexed;

-- Messages are indexed behind the commits, in the session that owns them: of a fork only those after its parent's.
alter table sessions add column indexed_until int not null default 0;
update sessions set indexed_until = coalesce(parent_until, 0);
create index sessions_unindexed on sessions (tenant_id) where message_count > indexed_until;
