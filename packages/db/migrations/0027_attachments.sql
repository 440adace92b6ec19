-- Files of a session that came with a message: a list of {session_id, path, media_type, size}.
alter table messages add column attachments jsonb;
alter table runs add column attachments jsonb;

drop function session_messages(uuid, int, int);
create function session_messages(session uuid, until int, most int)
returns table ("position" int, tenant_id text, role text, name text, attachments jsonb, run_id uuid, created_at timestamptz, content text) language sql stable as $$
  with recursive line as (
    select id, parent_session_id, parent_until, until as below from sessions where id = session
    union all
    select p.id, p.parent_session_id, p.parent_until, least(l.below, l.parent_until)
    from line l join sessions p on p.id = l.parent_session_id
  )
  select m.position, m.tenant_id, m.role, m.name, m.attachments, m.run_id, m.created_at, message_content(m)
  from line l cross join lateral (
    select * from messages where messages.session_id = l.id and messages.position <= l.below
    order by messages.position desc limit most) m
  order by m.position desc limit most
$$;
