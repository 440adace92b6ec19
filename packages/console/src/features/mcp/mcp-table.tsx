import { ActionIcon, Group, Tooltip } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { McpServer } from '@reeve/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { changeMcpServer, refreshMcp } from '../../api/mcp.ts';
import { Ago } from '../../ui/ago.tsx';
import { formatCount } from '../../ui/format.ts';
import { DeleteIcon, EditIcon, PauseIcon, ResumeIcon } from '../../ui/icons.ts';
import { messageOf } from '../../ui/message-of.ts';
import { RowAction } from '../../ui/row-action.tsx';
import { Status } from '../../ui/status.tsx';
import table from '../../ui/table.module.css';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { commandOf, stateOf } from './mcp-state.ts';
import classes from './mcp.module.css';

interface McpTableProps {
  readonly servers: readonly McpServer[];
  /** Whether the reader's role lets servers be changed. */
  readonly mayChange: boolean;
  readonly onDelete: (server: McpServer) => void;
}

/** Servers by name. A row opens its details. */
export function McpTable({ servers, mayChange, onDelete }: McpTableProps) {
  const rows = useRowKeys<HTMLDivElement>();
  return (
    <div className={table.frame} ref={rows}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Name</th>
            <th scope="col" className={table.number}>
              Tools
            </th>
            <th scope="col" className={table.wide}>
              Last read
            </th>
            <th scope="col">
              <span className={classes.hidden}>Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {servers.map((server) => (
            <Row key={server.id} server={server} mayChange={mayChange} onDelete={() => onDelete(server)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly server: McpServer;
  readonly mayChange: boolean;
  readonly onDelete: () => void;
}

function Row({ server, mayChange, onDelete }: RowProps) {
  const { id, name, tool_count: tools, listed_at: listed, last_error: error } = server;
  const read = listed === null ? 'never' : <Ago time={listed} />;
  return (
    <tr>
      <td>
        <Status {...stateOf(server)} />
      </td>
      <td className={table.main}>
        <Link to="/admin/tools/mcp" search={{ server: id }} className={table.link} data-row>
          {name}
        </Link>
        <span className={table.sub}>{server.url ?? commandOf(server)}</span>
        {error !== null && (
          <span className={table.sub} title={error}>
            {error}
          </span>
        )}
        <span className={`${table.sub} ${table.narrowOnly}`}>read: {read}</span>
      </td>
      <td className={table.number}>
        {formatCount(tools)} <span className={classes.word}>{tools === 1 ? 'tool' : 'tools'}</span>
      </td>
      <td className={`${classes.time} ${table.wide}`}>{read}</td>
      <td aria-label="Actions">{mayChange && <RowActions server={server} onDelete={onDelete} />}</td>
    </tr>
  );
}

function RowActions({ server, onDelete }: Pick<RowProps, 'server' | 'onDelete'>) {
  const { id, name, enabled } = server;
  const cache = useQueryClient();
  const toggle = useMutation({
    mutationFn: () => changeMcpServer(id, { enabled: !enabled }),
    onError: (error) =>
      notifications.show({
        color: 'rust',
        title: enabled ? 'The server was not switched off' : 'The server was not switched on',
        message: messageOf(error),
      }),
    onSettled: () => refreshMcp(cache),
  });
  const turn = enabled ? 'Switch off' : 'Switch on';
  return (
    <Group gap={4} wrap="nowrap" className={classes.above}>
      <RowAction label={`${turn} ${name}`} tip={turn} loading={toggle.isPending} onClick={() => toggle.mutate()}>
        {enabled ? <PauseIcon size={16} /> : <ResumeIcon size={16} />}
      </RowAction>
      <Tooltip label="Edit">
        <ActionIcon
          variant="subtle"
          color="gray"
          c="var(--mantine-color-text)"
          aria-label={`Edit ${name}`}
          renderRoot={(props) => <Link to="/admin/tools/mcp" search={{ edit: id }} {...props} />}
        >
          <EditIcon size={16} />
        </ActionIcon>
      </Tooltip>
      <RowAction label={`Delete ${name}`} tip="Delete" onClick={onDelete}>
        <DeleteIcon size={16} />
      </RowAction>
    </Group>
  );
}
