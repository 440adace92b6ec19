-- What a document says is a version: chunks in places. One that is too large for a transaction is stored before any document has it,
-- and removed after none has it any more. Readers go by documents, and see of each one version, whole.
alter table documents add column version_id uuid;
update documents set version_id = id;
alter table documents alter column version_id set not null;
create unique index documents_version on documents (version_id);

-- A chunk that two versions of a document share has a place in each. These come and go by the thousand, and name nothing that is
-- checked row by row.
create table chunk_places (
  version_id uuid not null,
  position   int not null, -- from 1
  tenant_id  text not null,
  chunk_id   uuid not null,
  page       int,
  primary key (version_id, position)
);
insert into chunk_places (version_id, position, tenant_id, chunk_id, page)
  select document_id, position, tenant_id, id, page from chunks;
create index chunk_places_chunk on chunk_places (chunk_id);
alter table chunks drop column document_id, drop column position, drop column page;

-- Versions that no document has: being stored until `held_until`, which is moved on with each piece, and to be removed after it.
create table loose_versions (
  id         uuid primary key,
  tenant_id  text not null references tenants,
  space_id   int not null, -- what its chunks are found by
  title      text,
  held_until timestamptz not null
);
create index loose_versions_held on loose_versions (held_until);

-- Spaces of the lexical index that are gone, and whose rows are being removed.
create table removed_spaces (
  space_id  int primary key,
  tenant_id text not null references tenants
);

-- How far the texts of a space have been indexed anew, by what names them, after the analyzer has changed.
alter table lexical_spaces add column renewed_until text collate "C";

do $$
declare name text;
begin
  foreach name in array array['chunk_places', 'loose_versions', 'removed_spaces'] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;

-- Those of a persona go with it.
create index playbooks_persona on playbooks (persona_id);
