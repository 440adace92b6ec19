import { Group } from '@mantine/core';
import { routes, type WorkspaceEntry } from '@reeve/contract';
import { useMutation } from '@tanstack/react-query';
import { downloadFile } from '../../api/files.ts';
import { useMay } from '../../api/identity.ts';
import { Ago } from '../../ui/ago.tsx';
import { formatBytes } from '../../ui/format.ts';
import { DeleteIcon, DirectoryIcon, DownloadIcon, FileIcon, LinkIcon, UnknownIcon } from '../../ui/icons.ts';
import { RowAction } from '../../ui/row-action.tsx';
import { saveFile } from '../../ui/save-file.ts';
import table from '../../ui/table.module.css';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { DirectoryLink } from './directory-path.tsx';
import classes from './files.module.css';
import { tellFailure } from './tell-failure.ts';

interface FileTableProps {
  readonly sessionId: string;
  readonly entries: readonly WorkspaceEntry[];
  readonly onDelete: (file: WorkspaceEntry) => void;
}

/** What lies in a directory. A row opens its directory, or downloads its file. */
export function FileTable({ sessionId, entries, onDelete }: FileTableProps) {
  const rows = useRowKeys<HTMLDivElement>();
  const mayDelete = useMay(routes.deleteFile);
  return (
    <div className={table.frame} ref={rows}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" className={table.number}>
              Size
            </th>
            <th scope="col" className={table.wide}>
              Changed
            </th>
            <th scope="col">
              <span className={classes.hidden}>Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <Row
              key={entry.path}
              sessionId={sessionId}
              entry={entry}
              onDelete={mayDelete && entry.kind === 'file' ? () => onDelete(entry) : undefined}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const ICONS = { file: FileIcon, directory: DirectoryIcon, link: LinkIcon, other: UnknownIcon } as const;
const KIND_WORDS = {
  file: undefined,
  directory: undefined,
  link: 'a link',
  other: 'neither file nor directory',
} as const;

interface RowProps {
  readonly sessionId: string;
  readonly entry: WorkspaceEntry;
  readonly onDelete: (() => void) | undefined;
}

function Row({ sessionId, entry, onDelete }: RowProps) {
  const { name, path, kind, size, modified_at: changed } = entry;
  const save = useMutation({
    mutationFn: () => downloadFile(sessionId, path),
    onSuccess: (file) => saveFile(file, name),
    onError: tellFailure(`“${name}” was not downloaded`),
  });
  const Icon = ICONS[kind];
  const words = KIND_WORDS[kind];
  const label = (
    <>
      <Icon size={16} className={classes.icon} />
      {name}
    </>
  );
  return (
    <tr>
      <td className={table.main}>
        {kind === 'directory' ? (
          <DirectoryLink sessionId={sessionId} directory={`/${path}`} className={table.link} data-row>
            {label}
          </DirectoryLink>
        ) : kind === 'other' ? (
          <span className={table.link}>{label}</span>
        ) : (
          <button
            type="button"
            className={`${table.link} ${classes.open}`}
            title={`Download ${name}`}
            onClick={() => save.mutate()}
            data-row
          >
            {label}
          </button>
        )}
        {words !== undefined && <span className={table.sub}>{words}</span>}
      </td>
      <td className={`${table.number} ${classes.size}`}>
        <span className={kind === 'file' ? undefined : classes.wideOnly}>
          {kind === 'file' ? formatBytes(size) : '–'}
        </span>
        <span className={classes.narrowTime}>
          <Ago time={changed} />
        </span>
      </td>
      <td className={`${classes.time} ${table.wide}`}>
        <Ago time={changed} />
      </td>
      <td aria-label="Actions">
        <Group gap={4} wrap="nowrap" justify="flex-end" className={classes.above}>
          {(kind === 'file' || kind === 'link') && (
            <RowAction label={`Download ${name}`} tip="Download" loading={save.isPending} onClick={() => save.mutate()}>
              <DownloadIcon size={16} />
            </RowAction>
          )}
          {onDelete !== undefined && (
            <RowAction label={`Delete ${name}`} tip="Delete" onClick={onDelete}>
              <DeleteIcon size={16} />
            </RowAction>
          )}
        </Group>
      </td>
    </tr>
  );
}
