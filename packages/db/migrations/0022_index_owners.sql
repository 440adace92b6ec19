-- The text index does not know personas: a space has an owner, which callers choose.
alter table lexical_spaces rename column persona_id to owner_id;

-- Document versions that no document refers to: being stored until `held_until`, and to be removed after it.
alter table loose_versions rename to unreferenced_versions;
alter table unreferenced_versions rename constraint loose_versions_pkey to unreferenced_versions_pkey;
alter table unreferenced_versions rename constraint loose_versions_tenant_id_fkey to unreferenced_versions_tenant_id_fkey;
alter index loose_versions_held rename to unreferenced_versions_held;
