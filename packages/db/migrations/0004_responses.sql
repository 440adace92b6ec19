-- Answers of plain models over POST /v1/responses that were to be kept. A response of an agent is a run and is not here.

-- `input` and `output` are what this turn added to the conversation; what came before it is with `previous_id`.
create table responses (
  id          uuid primary key,
  tenant_id   text not null references tenants,
  previous_id uuid,
  input       jsonb not null,
  output      jsonb not null,
  answer      jsonb not null,
  created_at  timestamptz not null default reeve_now()
);
create index responses_oldest on responses (tenant_id, created_at);

alter table responses enable row level security;
create policy own_tenant on responses to reeve_tenant using (tenant_id = current_setting('reeve.tenant', true));
grant select, insert, update, delete on responses to reeve_tenant;
