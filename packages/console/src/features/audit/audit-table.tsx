import type { AuditRecord } from '@reeve/contract';
import { Link } from '@tanstack/react-router';
import { Ago } from '../../ui/ago.tsx';
import { formatCount } from '../../ui/format.ts';
import { WarnIcon } from '../../ui/icons.ts';
import table from '../../ui/table.module.css';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { RunLink } from '../runs/run-link.tsx';
import type { AuditView } from './view.ts';
import { actionWords, detailsLine, isRefusal } from './audit-words.ts';
import classes from './audit.module.css';

interface AuditTableProps {
  readonly entries: readonly AuditRecord[];
  readonly search: AuditView;
}

/** Entries of the log. A row opens its details. */
export function AuditTable({ entries, search }: AuditTableProps) {
  const rows = useRowKeys<HTMLDivElement>();
  return (
    <div className={table.frame} ref={rows}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Action</th>
            <th scope="col">By</th>
            <th scope="col" className={table.wide}>
              About
            </th>
            <th scope="col" className={`${table.number} ${table.wide}`}>
              Number
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <Row key={entry.id} entry={entry} search={search} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ entry, search }: { readonly entry: AuditRecord; readonly search: AuditView }) {
  const { id, action, actor, at, details, run_id: run, task_id: task, number } = entry;
  const inline = detailsLine(details);
  return (
    <tr>
      <td className={classes.when}>
        <Ago time={at} />
      </td>
      <td className={table.main}>
        <Link to="/admin/audit" search={{ ...search, entry: id }} className={table.link} title={action} data-row>
          {isRefusal(action) && <WarnIcon size={14} className={classes.refused} />}
          {actionWords(action)}
        </Link>
        {inline !== '' && <span className={table.sub}>{inline}</span>}
      </td>
      <td className={classes.actor}>
        <span title={actor}>{actor}</span>
      </td>
      <td className={`${table.wide} ${classes.about}`}>
        <span className={classes.above}>
          {run !== null ? (
            <RunLink runId={run} />
          ) : task !== null ? (
            <Link to="/admin/agents/tasks" search={{ task }}>
              task …{task.slice(-8)}
            </Link>
          ) : (
            '–'
          )}
        </span>
      </td>
      <td className={`${table.number} ${table.wide}`}>{number === null ? 'not sealed' : formatCount(number)}</td>
    </tr>
  );
}
