import { Group } from '@mantine/core';
import type { ApiKey } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { formatDate } from '../../ui/format.ts';
import { DeleteIcon, RetryIcon } from '../../ui/icons.ts';
import { RowAction } from '../../ui/row-action.tsx';
import { Status } from '../../ui/status.tsx';
import table from '../../ui/table.module.css';
import { useNow } from '../../ui/use-now.ts';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { formatIn } from '../schedules/schedule-words.ts';
import classes from './keys.module.css';

interface KeyTableProps {
  readonly keys: readonly ApiKey[];
  readonly onRotate: (key: ApiKey) => void;
  readonly onRevoke: (key: ApiKey) => void;
}

/** Keys, newest first, with what can be done about each. A row leads to what its key did. */
export function KeyTable({ keys, onRotate, onRevoke }: KeyTableProps) {
  const rows = useRowKeys<HTMLDivElement>();
  return (
    <div className={table.frame} ref={rows}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Status</th>
            <th scope="col">Name</th>
            <th scope="col">Role</th>
            <th scope="col" className={table.wide}>
              Last used
            </th>
            <th scope="col" className={table.wide}>
              Expires
            </th>
            <th scope="col" className={table.wide}>
              Created
            </th>
            <th scope="col">
              <span className={classes.hidden}>Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <Row key={key.id} apiKey={key} onRotate={() => onRotate(key)} onRevoke={() => onRevoke(key)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  readonly apiKey: ApiKey;
  readonly onRotate: () => void;
  readonly onRevoke: () => void;
}

function Row({ apiKey: key, onRotate, onRevoke }: RowProps) {
  const now = useNow();
  const { name, status, grace_ends_at: grace, revoked_at: revoked } = key;
  const used = key.last_used_at === null ? 'never' : <Ago time={key.last_used_at} />;
  const expires =
    revoked !== null ? (
      '–'
    ) : key.expires_at === null ? (
      'never'
    ) : (
      <time dateTime={key.expires_at} title={formatDate(key.expires_at)}>
        {status === 'expired' ? formatDate(key.expires_at) : formatIn(key.expires_at, now)}
      </time>
    );
  const inGrace = status === 'active' && grace !== null && Date.parse(grace) > now;
  return (
    <tr>
      <td>
        <Status status={status} />
      </td>
      <td className={table.main}>
        <Link
          to="/admin/audit"
          search={{ actor: `key-${key.id}` }}
          className={table.link}
          title={`What “${name}” did`}
          data-row
        >
          {name}
        </Link>
        <code className={`${table.sub} ${classes.code}`}>
          {key.prefix}…{key.last_four}
        </code>
        <span className={`${table.sub} ${table.narrowOnly}`}>
          used: {used} · expires: {expires}
        </span>
        {inGrace && <span className={table.sub}>The secret before is accepted until {formatDate(grace)}</span>}
      </td>
      <td>{key.role}</td>
      <td className={`${classes.time} ${table.wide}`}>{used}</td>
      <td className={`${classes.time} ${table.wide}`}>{expires}</td>
      <td className={`${classes.time} ${table.wide}`}>
        <Ago time={key.created_at} />
        <span>by {key.created_by}</span>
      </td>
      <td aria-label="Actions">
        <Group gap={4} wrap="nowrap" className={classes.above}>
          {status === 'active' && (
            <RowAction label={`Rotate ${name}`} tip="Rotate" onClick={onRotate}>
              <RetryIcon size={16} />
            </RowAction>
          )}
          {status !== 'revoked' && (
            <RowAction label={`Revoke ${name}`} tip="Revoke" onClick={onRevoke}>
              <DeleteIcon size={16} />
            </RowAction>
          )}
        </Group>
      </td>
    </tr>
  );
}
