-- MCP servers that are programs: `command` with `args` and `env` in place of an address with headers.
alter table mcp_servers
  add column transport text not null default 'http',
  add column command   text,
  add column args      jsonb not null default '[]',
  add column env       jsonb not null default '{}',
  alter column url drop not null,
  add constraint mcp_servers_target check (
    case transport
      when 'http' then url is not null and command is null
      when 'stdio' then command is not null and url is null
      else false
    end);
