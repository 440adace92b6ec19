-- Personas, the documents of their knowledge bases, and the chunks that these are cut into.

create table personas (
  id          uuid primary key,
  tenant_id   text not null references tenants,
  slug        text not null,
  name        text not null,
  description text not null,
  created_by  text not null,
  created_at  timestamptz not null default reeve_now(),
  updated_at  timestamptz not null default reeve_now()
);
create unique index personas_slug on personas (tenant_id, lower(slug));

create table documents (
  id             uuid primary key,
  tenant_id      text not null references tenants,
  persona_id     uuid not null references personas on delete cascade,
  knowledge_base text not null check (knowledge_base in ('Soul-KB', 'Domain-KB', 'Body-KB', 'Mind-KB')),
  title          text,
  source         text,
  words          text, -- of a Soul, which is told word for word: what was sent
  tags           text[] not null,
  media_type     text not null,
  size           int not null, -- bytes, as they were sent
  sha256         text not null, -- of those
  chunk_count    int not null,
  created_by     text not null,
  created_at     timestamptz not null default reeve_now(),
  updated_at     timestamptz not null default reeve_now()
);
create unique index documents_once on documents (persona_id, knowledge_base, sha256);
-- A source may be longer than an index takes.
create unique index documents_source on documents (persona_id, knowledge_base, md5(source));
create index documents_latest on documents (persona_id, knowledge_base, updated_at desc, id desc);

create table chunks (
  id          uuid primary key,
  tenant_id   text not null references tenants,
  document_id uuid not null references documents on delete cascade,
  position    int not null, -- from 1
  text        text not null,
  headings    text[] not null,
  page        int,
  unique (document_id, position) deferrable initially deferred
);

do $$
declare name text;
begin
  foreach name in array array['personas', 'documents', 'chunks'] loop
    execute format('alter table %I enable row level security', name);
    execute format(
      'create policy own_tenant on %I to reeve_tenant using (tenant_id = current_setting(''reeve.tenant'', true))', name);
    execute format('grant select, insert, update, delete on %I to reeve_tenant', name);
  end loop;
end $$;

create index memories_expiring on memories (expires_at) where expires_at is not null;
create index memories_newest on memories (tenant_id, created_at desc, id desc);

-- What worked before: the tool calls of runs that reached their goal, by persona (null: agents without one). Those that are alike
-- are one; `shape` says which tools, with which arguments, in which order.
create table playbooks (
  id              uuid primary key,
  tenant_id       text not null references tenants,
  persona_id      uuid references personas on delete cascade,
  goal            text not null,
  steps           jsonb not null,
  shape           text not null,
  successes       int not null,
  failures        int not null default 0,
  run_id          uuid, -- the latest that it worked in
  session_id      uuid,
  created_at      timestamptz not null default reeve_now(),
  last_success_at timestamptz not null default reeve_now()
);
create index playbooks_alike on playbooks (tenant_id, coalesce(persona_id, '00000000-0000-0000-0000-000000000000'), shape);
create index playbooks_latest on playbooks (tenant_id, last_success_at desc, id desc);
alter table playbooks enable row level security;
create policy own_tenant on playbooks to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
grant select, insert, update, delete on playbooks to reeve_tenant;
