-- What says something else about the same thing as an older memory, or says the same in more words, comes in its place: the older
-- stays, and names it.
alter table memories add column superseded_by uuid references memories on delete set null;
create index memories_superseded on memories (superseded_by) where superseded_by is not null;

-- Runs that ended and are to be asked for facts worth keeping, where their tenant has that switched on. A row goes in the transaction
-- that stores what it came to; `attempts` fences whoever was late.
create table memory_extractions (
  run_id     uuid primary key references runs on delete cascade,
  tenant_id  text not null references tenants,
  session_id uuid not null,
  persona_id uuid,
  agent      text not null,
  user_id    text not null,
  trace_id   text not null,
  model      text, -- null: the default one
  said       text not null,
  answered   text not null,
  attempts   int not null default 0,
  due_at     timestamptz not null default reeve_now()
);
create index memory_extractions_due on memory_extractions (due_at);
alter table memory_extractions enable row level security;
create policy own_tenant on memory_extractions to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
grant select, insert, update, delete on memory_extractions to reeve_tenant;
