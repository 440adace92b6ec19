import { Button, Drawer, Group } from '@mantine/core';
import type { McpServer } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { Facts } from '../../ui/facts.tsx';
import { formatDate, formatDuration } from '../../ui/format.ts';
import { EditIcon } from '../../ui/icons.ts';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { Status } from '../../ui/status.tsx';
import { commandOf, stateOf } from './mcp-state.ts';
import { McpTest } from './mcp-test.tsx';
import { McpTools } from './mcp-tools.tsx';
import classes from './mcp.module.css';

interface McpDrawerProps {
  readonly opened: boolean;
  /** Undefined where there is none of that id. */
  readonly server: McpServer | undefined;
  readonly pending: boolean;
  readonly mayChange: boolean;
  readonly onEdit: (server: McpServer) => void;
  readonly onClose: () => void;
}

/** A server in full: how it stands, what it is asked with, a test of it, and its tools. */
export function McpDrawer({ opened, server, pending, mayChange, onEdit, onClose }: McpDrawerProps) {
  return (
    <Drawer
      opened={opened}
      onClose={onClose}
      position="right"
      size="min(44rem, 100vw)"
      title="MCP server"
      closeButtonProps={{ 'aria-label': 'Close' }}
      keepMounted={false}
    >
      {server !== undefined ? (
        <Details key={server.id} server={server} mayChange={mayChange} onEdit={() => onEdit(server)} />
      ) : pending ? (
        <SkeletonRows rows={5} height={48} label="Loading the server" />
      ) : (
        <Empty title="This server is not there any more." />
      )}
    </Drawer>
  );
}

interface DetailsProps {
  readonly server: McpServer;
  readonly mayChange: boolean;
  readonly onEdit: () => void;
}

function Details({ server, mayChange, onEdit }: DetailsProps) {
  const { name, last_error: error, server_name: calls, server_version: version } = server;
  return (
    <article className={classes.details}>
      <header>
        <div className={classes.heading}>
          <h2>{name}</h2>
          <Status {...stateOf(server)} />
        </div>
        {mayChange && (
          <Group gap="xs">
            <Button variant="default" size="xs" leftSection={<EditIcon size={15} />} onClick={onEdit}>
              Edit
            </Button>
          </Group>
        )}
      </header>
      {error !== null && <ErrorPanel title="Its tools could not be read last time" error={new Error(error)} />}
      <Facts
        facts={[
          ...(server.transport === 'http'
            ? ([
                ['Address', <code key="u">{server.url}</code>],
                ['Headers', <Values key="h" values={server.headers} of={(header, value) => `${header}: ${value}`} />],
              ] as const)
            : ([
                ['Program', <code key="u">{commandOf(server)}</code>],
                ['Variables', <Values key="h" values={server.env} of={(variable, value) => `${variable}=${value}`} />],
              ] as const)),
          ['A call may take', formatDuration(server.timeout_ms)],
          ['Calls itself', calls === null ? null : `${calls} ${version ?? ''}`.trim()],
          ['Revision of MCP', server.protocol_version],
          ['Circuit', server.breaker.replace('_', ' ')],
          ['Tools read', server.listed_at === null ? 'never' : <Ago key="l" time={server.listed_at} />],
          ['Last tried', server.checked_at === null ? 'never' : <Ago key="c" time={server.checked_at} />],
          ['Added', `${formatDate(server.created_at)} by ${server.created_by}`],
        ]}
      />
      {mayChange && <McpTest id={server.id} />}
      <McpTools id={server.id} />
      {server.enabled && server.tool_count > 0 && (
        <Link to="/admin/tools" search={{ source: `mcp:${name}` }}>
          In the list of all tools
        </Link>
      )}
    </article>
  );
}

interface ValuesProps {
  readonly values: Readonly<Record<string, string>>;
  readonly of: (name: string, value: string) => string;
}

function Values({ values, of }: ValuesProps) {
  const rows = Object.entries(values);
  return rows.length === 0 ? (
    'none'
  ) : (
    <ul className={classes.headers}>
      {rows.map(([name, value]) => (
        <li key={name}>
          <code>{of(name, value)}</code>
        </li>
      ))}
    </ul>
  );
}
