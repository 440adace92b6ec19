import { Button } from '@mantine/core';
import { routes, type WorkspaceEntry } from '@reeve/contract';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { hasKey } from '../../api/connection.ts';
import { filesQuery } from '../../api/files.ts';
import { useMay } from '../../api/identity.ts';
import { Empty } from '../../ui/empty.tsx';
import { ErrorPanel } from '../../ui/error-panel.tsx';
import { UploadIcon } from '../../ui/icons.ts';
import { ShowMore } from '../../ui/show-more.tsx';
import { SkeletonRows } from '../../ui/skeleton-rows.tsx';
import { refuseFolders } from '../uploads/refuse-folders.ts';
import { UploadList } from '../uploads/upload-list.tsx';
import { addUploads } from '../uploads/uploads.ts';
import { useChooser } from '../uploads/use-chooser.ts';
import { useDrop } from '../uploads/use-drop.ts';
import { DeleteFile } from './delete-file.tsx';
import { DirectoryLink, DirectoryPath } from './directory-path.tsx';
import { pathIn, pathOf, type Directory } from './directory.ts';
import { FileTable } from './file-table.tsx';
import { FileTools } from './file-tools.tsx';
import classes from './files.module.css';
import { sessionFiles } from './session-files.ts';
import { WorkspaceBar } from './workspace-bar.tsx';

interface FilesPanelProps {
  readonly sessionId: string;
  readonly directory: Directory;
  /** The file about which it is asked whether it shall be deleted. */
  readonly deleting: WorkspaceEntry | undefined;
  readonly onDelete: (file: WorkspaceEntry | undefined) => void;
}

/** A directory of a session's workspace: what lies in it, what it takes, and ways to put files there and to get them. */
export function FilesPanel({ sessionId, directory, deleting, onDelete }: FilesPanelProps) {
  const path = pathOf(directory);
  const cache = useQueryClient();
  const query = useInfiniteQuery(filesQuery(sessionId, path));
  const to = sessionFiles(sessionId);
  const mayUpload = useMay(routes.uploadFile);
  const entries = query.data?.pages.flatMap((page) => page.files) ?? [];

  const take = (files: readonly File[]): void => {
    const names = new Set(entries.map(({ name }) => name));
    const chosen = files.map((file) => ({ file, path: pathIn(directory, file.name), taken: names.has(file.name) }));
    addUploads(cache, to, chosen);
  };
  const choose = useChooser(take);
  const { isOver, ...drop } = useDrop(take, refuseFolders);
  return (
    <div className={classes.panel} data-over={(mayUpload && isOver) || undefined} {...(mayUpload && drop)}>
      <WorkspaceBar sessionId={sessionId} />
      <div className={classes.head}>
        <DirectoryPath sessionId={sessionId} directory={directory} />
        <FileTools sessionId={sessionId} isEmpty={path === '' && entries.length === 0} onUpload={choose} />
      </div>
      <UploadList to={to} />
      {query.isPending && <SkeletonRows rows={5} height={48} label="Loading the files" />}
      {query.isError && (
        <ErrorPanel
          title={query.data === undefined ? 'The directory could not be loaded' : 'What you see may be old'}
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      )}
      {query.data !== undefined && entries.length === 0 && path === '' && (
        <NoFiles sessionId={sessionId} onUpload={mayUpload ? choose : undefined} />
      )}
      {query.data !== undefined && entries.length === 0 && path !== '' && (
        <Empty title="This directory is empty.">
          <DirectoryLink sessionId={sessionId} directory="/">
            All files
          </DirectoryLink>
        </Empty>
      )}
      {entries.length > 0 && <FileTable sessionId={sessionId} entries={entries} onDelete={onDelete} />}
      <ShowMore query={query} mt="sm" />
      {mayUpload && entries.length > 0 && (
        <p className={classes.hint}>Files can be dropped here; the agent’s tools find them in their workspace.</p>
      )}
      {deleting !== undefined && (
        <DeleteFile sessionId={sessionId} file={deleting} onClose={() => onDelete(undefined)} />
      )}
    </div>
  );
}

interface NoFilesProps {
  readonly sessionId: string;
  readonly onUpload: (() => void) | undefined;
}

function NoFiles({ sessionId, onUpload }: NoFilesProps) {
  const title = 'No files yet. What the agent’s tools write lies here, and what you give them.';
  if (onUpload === undefined) return <Empty title={title} />;
  const address = `${location.origin}/api/v1/sessions/${sessionId}/files/content?path=notes.txt`;
  const key = hasKey() ? ' -H "Authorization: Bearer $REEVE_API_KEY"' : '';
  return (
    <Empty title={title} command={`curl -T notes.txt${key} '${address}'`}>
      <Button variant="default" leftSection={<UploadIcon size={16} />} onClick={onUpload}>
        Upload files
      </Button>
    </Empty>
  );
}
